import Compute
import Glibc
import Layers
import Nets

/// What a net answers to each sample, and what of it is right.
final class Evaluation {
  /// A sample that is to be shown.
  struct Sample {
    let number: Int
    let key: String
    let truth: Int
    let answer: Int
    /// Of the answer and of the truth.
    let probability: Float
    let truthProbability: Float
    /// What another net answered.
    var earlier: (answer: Int, truthProbability: Float)?
    let picture: String?
  }

  /// What became of one class.
  struct ClassScore {
    var support = 0
    var answered = 0
    var right = 0

    var recall: Double? { support > 0 ? Double(right) / Double(support) : nil }
    var precision: Double? { answered > 0 ? Double(right) / Double(answered) : nil }
    /// The harmonic mean of both.
    var f1: Double? {
      support + answered > 0 ? 2 * Double(right) / Double(support + answered) : nil
    }
  }

  let blobs: ScoreBlobs
  /// The evaluation of other weights on the same samples, whose answers are compared.
  let earlier: Evaluation?
  private(set) var classes: [ClassScore] = []
  /// How often a class was taken for another, by truth and answer.
  private(set) var confusions: [Int: Int] = [:]
  private(set) var count = 0
  private(set) var firsts = 0
  private(set) var fifths = 0
  /// Samples with a score that is not a number: there is no answer to them.
  private(set) var unanswered = 0
  private var lossSum = 0.0
  private var answers: [Int32] = []
  private var truthProbabilities: [Float] = []
  /// Wrong answers, those first in which the truth seemed least likely.
  private(set) var worst: [Sample] = []
  /// Samples that were answered otherwise before, rightly now and wrongly now.
  private(set) var mended: [Sample] = []
  private(set) var broken: [Sample] = []
  private(set) var mendedCount = 0
  private(set) var brokenCount = 0
  private(set) var changedCount = 0
  private var probabilities: [Float] = []

  /// In place of an answer.
  static let none = -1

  /// How many samples are kept of each sort.
  static let limit = 24

  init(_ blobs: ScoreBlobs, earlier: Evaluation? = nil) {
    (self.blobs, self.earlier) = (blobs, earlier)
  }

  var accuracy: Double { count > 0 ? Double(firsts) / Double(count) : 0 }
  var accuracy5: Double? {
    classes.count > 5 && count > 0 ? Double(fifths) / Double(count) : nil
  }
  /// The mean of −log of the probability of the truth.
  var loss: Double { count > 0 ? lossSum / Double(count) : 0 }

  /// The classes that a truth was taken for, the most frequent first.
  var pairs: [(truth: Int, answer: Int, count: Int)] {
    let wrong = confusions.map {
      (truth: $0 / classes.count, answer: $0 % classes.count, count: $1)
    }
    .filter { $0.truth != $0.answer }
    return wrong.sorted { ($1.count, $0.truth, $0.answer) < ($0.count, $1.truth, $1.answer) }
  }

  /// The counts row by row: what is true, and what was answered.
  var matrix: [Int] {
    var result = Array(repeating: 0, count: classes.count * classes.count)
    for (place, count) in confusions { result[place] = count }
    return result
  }

  // MARK: Batches

  /// Takes the answers of the batch that the net has just run.
  func add(_ net: Net) {
    guard let scores = net.blob(blobs.scores), let labels = net.blob(blobs.labels) else { return }
    let axis = blobs.axis < 0 ? blobs.axis + scores.shape.dimensions.count : blobs.axis
    guard scores.shape.dimensions.indices.contains(axis) else { return }
    let classCount = scores.shape[axis]
    let outer = scores.shape.count(from: 0, to: axis)
    let inner = scores.shape.count(from: axis + 1)
    guard labels.count == outer * inner, classCount > 1 else { return }
    if classes.count != classCount { classes = Array(repeating: ClassScore(), count: classCount) }
    let pictures = SamplePicture(net)
    for item in 0..<outer {
      for place in 0..<inner {
        let number = item * inner + place
        let label = labels.values[number]
        guard abs(label) < 1e9, Int(label) != blobs.ignoredLabel,
          classes.indices.contains(Int(label))
        else { continue }
        spread(scores.values + item * classCount * inner + place, step: inner, count: classCount)
        add(
          truth: Int(label), sample: inner == 1 ? item : nil, net, inner == 1 ? pictures : nil)
      }
    }
  }

  /// Makes probabilities of the scores of one sample.
  private func spread(_ scores: UnsafePointer<Float>, step: Int, count: Int) {
    if probabilities.count != count { probabilities = Array(repeating: 0, count: count) }
    for index in 0..<count { probabilities[index] = scores[index * step] }
    guard !blobs.isProbability else { return }
    let most = probabilities.max() ?? 0
    var sum: Float = 0
    for index in 0..<count {
      probabilities[index] = expf(probabilities[index] - most)
      sum += probabilities[index]
    }
    for index in 0..<count { probabilities[index] /= sum }
  }

  private func add(truth: Int, sample: Int?, _ net: Net, _ pictures: SamplePicture?) {
    let own = probabilities[truth]
    var answer = 0
    // Ties count against, as in the layer Accuracy; so does what is not a number.
    var ahead = 0
    for (index, value) in probabilities.enumerated() {
      if value > probabilities[answer] { answer = index }
      if index != truth, !(value < own) { ahead += 1 }
    }
    if ahead < 1 { firsts += 1 }
    if ahead < 5 { fifths += 1 }
    classes[truth].support += 1
    if probabilities.contains(where: \.isNaN) {
      answer = Evaluation.none
      unanswered += 1
    } else {
      classes[answer].answered += 1
      if answer == truth { classes[truth].right += 1 }
      confusions[truth * classes.count + answer, default: 0] += 1
    }
    lossSum -= Double(own.isNaN ? .nan : logf(max(own, .leastNormalMagnitude)))
    answers.append(Int32(answer))
    truthProbabilities.append(own)
    let number = count
    count += 1
    guard let sample else { return compare(number, truth, answer) { _ in nil } }
    func made(_ earlier: (Int, Float)?) -> Sample {
      let key = net.sources.first?.source?.recordName(sample: sample) ?? "sample \(number)"
      return Sample(
        number: number, key: Evaluation.unquoted(key), truth: truth, answer: answer,
        probability: answer == Evaluation.none ? .nan : probabilities[answer],
        truthProbability: own, earlier: earlier,
        picture: pictures?.address(sample))
    }
    if answer != truth, answer != Evaluation.none,
      worst.count < Self.limit || own < worst[worst.count - 1].truthProbability
    {
      Evaluation.insert(made(nil), into: &worst) { $0.truthProbability }
    }
    compare(number, truth, answer) { made($0) }
  }

  private func compare(
    _ number: Int, _ truth: Int, _ answer: Int, _ made: ((Int, Float)?) -> Sample?
  ) {
    guard let earlier, earlier.answers.indices.contains(number) else { return }
    let before = Int(earlier.answers[number])
    guard before != answer else { return }
    changedCount += 1
    let was = (before, earlier.truthProbabilities[number])
    if answer == truth {
      mendedCount += 1
      guard let sample = made(was) else { return }
      Evaluation.insert(sample, into: &mended) { -$0.truthProbability }
    } else if before == truth {
      brokenCount += 1
      guard let sample = made(was) else { return }
      Evaluation.insert(sample, into: &broken) { $0.truthProbability }
    }
  }

  /// Keeps the samples of the least ranks, in their order.
  private static func insert(
    _ sample: Sample, into samples: inout [Sample], _ rank: (Sample) -> Float
  ) {
    let place = samples.firstIndex { rank($0) > rank(sample) } ?? samples.count
    samples.insert(sample, at: place)
    if samples.count > limit { samples.removeLast() }
  }

  /// A record's key without the quotes that messages put around it.
  static func unquoted(_ key: String) -> String {
    key.count > 1 && key.hasPrefix("'") && key.hasSuffix("'")
      ? String(key.dropFirst().dropLast()) : key
  }
}
