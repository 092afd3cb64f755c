import Layers
import Nets
import Schema

/// Where a net's test phase has the scores of classes and the labels.
struct ScoreBlobs {
  let scores: String
  let labels: String
  /// The axis of the classes; negative counts from the end.
  let axis: Int
  let ignoredLabel: Int?
  /// Whether the scores are probabilities already.
  let isProbability: Bool

  private static let losses = [
    "SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss", "InfogainLoss",
  ]

  /// The blobs of a net's accuracy, or of its last loss over classes; `nil` if it has neither.
  init?(_ description: Message, state: NetState) {
    let layers = description.messages("layer").filter(state.includes)
    let scored = layers.filter { $0.strings("bottom").count >= 2 }
    let accuracies = scored.filter { $0.string("type") == "Accuracy" }
    // Of several (top 1, top 5) any will do; of several branches the last one counts.
    guard
      let layer = accuracies.last
        ?? scored.last(where: { ScoreBlobs.losses.contains($0.string("type")) })
    else { return nil }
    let bottoms = layer.strings("bottom")
    (scores, labels) = (bottoms[0], bottoms[1])
    switch layer.string("type") {
    case "Accuracy":
      let given = layer.message("accuracy_param")
      axis = given.int("axis")
      ignoredLabel = given.optionalInt("ignore_label")
    default:
      axis = layer.message("softmax_param").int("axis")
      ignoredLabel = layer.message("loss_param").optionalInt("ignore_label")
    }
    let scores = scores
    let maker = layers.last { $0.strings("top").contains(scores) }
    isProbability =
      maker?.string("type") == "Softmax"
      || layer.string("type") == "MultinomialLogisticLoss"
  }

  /// Those of the net in a file.
  static func find(path: String, level: Int, stages: [String]) -> ScoreBlobs? {
    guard let description = try? NetDescription.load(path).net else { return nil }
    var state = NetState(phase: .test, level: level, stages: stages)
    let given = description.message("state")
    if level == 0 { state.level = given.int("level") }
    state.stages = given.strings("stage") + state.stages
    return ScoreBlobs(description, state: state)
  }
}
