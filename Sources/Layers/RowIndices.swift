import Compute

/// A bottom that names rows by their numbers, checked once a pass and kept as whole numbers.
final class RowIndices {
  private let memory = Buffer<Int32>()

  /// Makes room for so many indices.
  func reserve(_ count: Int) { memory.reserve(count) }

  /// The index at a place.
  subscript(_ place: Int) -> Int { Int(memory.pointer[place]) }

  /// Takes the indices of a bottom over, cut to whole numbers.
  ///
  /// - Throws: a `LayerFault` at the first that names none of the rows.
  func read(
    _ blob: Blob, bottom: Int, rows: Int, of what: String, help: @autoclosure () -> String
  ) throws {
    for place in 0..<blob.count {
      let value = blob.values[place]
      guard let index = Int(cut: value), index >= 0, index < rows else {
        let isWhole = value == value.rounded() && abs(value) < 1e9
        let text = isWhole ? String(Int(value)) : "\(value)"
        let perSample = max(1, blob.count / max(1, blob.shape.leadingCount))
        let range = rows > 0 ? " 0…\(rows - 1)" : ""
        throw LayerFault(
          "index \(text), number \(place) of the bottom (\(blob.shape.display)), is outside the "
            + "\(rows) \(what)\(range)", bottom: bottom, sample: place / perSample, help: help())
      }
      memory.pointer[place] = Int32(index)
    }
  }
}
