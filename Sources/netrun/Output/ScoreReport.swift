import Layers
import Nets
import Solvers

/// What `netrun test` tells.
struct ScoreReport {
  let net: Net
  let run: TestRun
  let model: String
  let weights: [String]
  let seconds: Double
  /// What is told of classes and mistakes, if it was asked for.
  var classification: JSON?
  /// How the answers differ from those of other weights, if these were given.
  var comparison: String?

  private var speed: Double { seconds > 0 ? Double(run.samples) / seconds : 0 }

  private var accuracies: Set<String> {
    Set(net.nodes.filter { $0.spec.type == "Accuracy" }.flatMap(\.topNames))
  }

  func rendered(_ style: Style) -> String {
    let accuracies = accuracies
    var table = Table([.init("output"), .init("mean", .right), .init("", .right)])
    for mean in run.means {
      let share =
        accuracies.contains(mean.name)
        ? Numbers.percent(Double(mean.value))
        : mean.lossWeight == 0 || mean.lossWeight == 1
          ? "" : "weight \(Numbers.general(mean.lossWeight))"
      table.append([mean.name, Numbers.general(mean.value), share])
    }
    let batches = Numbers.count(run.batches, "batch", plural: "batches")
    let samples =
      run.samples > 0
      ? "\(Numbers.count(run.samples, "image")) in \(batches)" : batches
    var text = table.rendered(style) + "\(samples), \(Numbers.duration(seconds))"
    if run.samples > 0 { text += ", \(Numbers.grouped(Int(speed.rounded()))) images/s" }
    if let comparison { text += "\n\(comparison)" }
    return text + "\n"
  }

  var json: JSON {
    .members([
      "model": .string(model), "weights": .array(weights.map { .string($0) }),
      "batches": .int(run.batches), "samples": run.samples > 0 ? .int(run.samples) : nil,
      "seconds": .double((seconds * 1e4).rounded() / 1e4),
      "images_per_second": run.samples > 0 ? .double((speed * 10).rounded() / 10) : nil,
      "loss": .float(run.loss), "outputs": Metrics.json(run.means),
      "classification": classification,
    ])
  }
}
