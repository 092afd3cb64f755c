import Compute
import Datasets
import Layers
import Nets
import Prototxt

/// The output of a net that scores classes, or other numbers, for each image.
struct Scores {
  let blob: Blob
  /// How many numbers there are for each image.
  let count: Int

  /// Chooses an output.
  ///
  /// - Parameters:
  ///   - net: The net.
  ///   - name: The output's name, if it was given.
  ///   - batchSize: How many samples the net takes at once.
  ///   - path: The net's file, for messages.
  /// - Throws: a diagnostic if none scores classes.
  init(_ net: Net, name: String?, batchSize: Int, path: String) throws(Diagnostic) {
    let outputs = net.outputs
    if let name {
      guard let found = net.blob(name) else {
        throw .error(
          "the net has no blob '\(name)'", path: path,
          help: closestMatch(to: name, in: net.blobNames).map { "did you mean '\($0)'?" },
          kind: .usage)
      }
      blob = found
    } else {
      let makers = net.nodes.filter { ["Softmax", "Sigmoid"].contains($0.spec.type) }
      let preferred = outputs.first { output in
        makers.contains { $0.tops.contains { $0 === output } }
      }
      guard let found = preferred ?? outputs.first else {
        throw .error("the net has no outputs", path: path)
      }
      blob = found
    }
    count = blob.count / max(1, batchSize)
    let isPerImage = blob.shape.axes > 0 && blob.shape[0] == batchSize && count > 0
    guard isPerImage, blob.shape.dimensions.dropFirst(2).allSatisfy({ $0 == 1 }) else {
      throw .error(
        "its output '\(blob.name)' is \(blob.shape.display): not scores of classes for each image",
        path: path,
        help: "name another by --output; or write its values by netrun extract")
    }
  }

  /// The mean of an image's scores over its pieces.
  func values(_ image: Int, pieces: Int) -> [Float] {
    let start = blob.reading + image * pieces * count
    return (0..<count).map { index in
      if pieces == 1 { return start[index] }
      var sum = 0.0
      for piece in 0..<pieces { sum += Double(start[piece * count + index]) }
      return Float(sum / Double(pieces))
    }
  }

  /// The places of the largest values, in falling order; of equal ones the first comes first.
  static func top(_ values: [Float], _ number: Int) -> [Int] {
    var best: [Int] = []
    for index in values.indices {
      let place =
        best.firstIndex { values[index] > values[$0] || values[$0].isNaN && !values[index].isNaN }
        ?? best.count
      guard place < number else { continue }
      best.insert(index, at: place)
      if best.count > number { best.removeLast() }
    }
    return best
  }
}

/// Shows the classes of images, each as soon as it is known where that is possible.
final class PredictionReport {
  /// How.
  enum Style {
    case table, csv, json
  }

  private let style: Style
  private let console: Console
  private let names: ClassNames?
  private let number: Int
  private var table = Table([
    .init("image"), .init("class", .right), .init("label"), .init("score", .right),
  ])
  private var isEmpty = true

  init(_ style: Style, names: ClassNames?, number: Int, _ console: Console) {
    (self.style, self.names, self.number, self.console) = (style, names, number, console)
    if style == .csv { console.print("image,rank,class,label,score") }
  }

  func add(_ image: String, _ values: [Float]) {
    let best = Scores.top(values, number)
    isEmpty = false
    switch style {
    case .table:
      for (rank, index) in best.enumerated() {
        table.append(
          [
            rank == 0 ? image : "", "\(index)", name(index) ?? "",
            Numbers.fixed(Double(values[index]), 4),
          ],
          isDim: rank > 0)
      }
    case .csv:
      for (rank, index) in best.enumerated() {
        let cells = [image, "\(rank + 1)", "\(index)", name(index) ?? "", "\(values[index])"]
        console.print(cells.map(Metrics.cell).joined(separator: ","))
      }
    case .json:
      let classes = best.map { index in
        JSON.members([
          "class": .int(index), "label": name(index).map { .string($0) },
          "score": .float(values[index]),
        ])
      }
      console.print(JSON.members(["image": .string(image), "classes": .array(classes)]).text)
    }
  }

  /// Tells of an image that could not be read.
  func add(_ image: String, _ fault: DatumFault) {
    if style == .json {
      console.print(JSON.members(["image": .string(image), "error": .string(fault.message)]).text)
    }
  }

  func finish() {
    guard style == .table, !isEmpty else { return }
    console.out.write(table.rendered(console.outStyle, width: console.outTerminal?.width))
  }

  private func name(_ index: Int) -> String? {
    guard let name = names?[Int32(clamping: index)], !name.isEmpty else { return nil }
    return name
  }
}
