import Compute
import Layers
import Schema

extension Node {
  /// The floats that tops of the given shapes take as values: none where they lie in a bottom's memory.
  func floats(_ topShapes: [Shape]) -> Int {
    guard layer.views == .none else { return 0 }
    return zip(tops.indices, topShapes).reduce(0) { sum, top in
      isInPlace(top.0) ? sum : sum + top.1.count
    }
  }

  /// The floats of the tops' values.
  var valueFloats: Int { floats(tops.map(\.shape)) }

  /// The floats of the parameters' values.
  var parameterFloats: Int { layer.parameters.reduce(0) { $0 + $1.count } }

  /// Checks that tops of the given shapes can be had.
  ///
  /// - Throws: a diagnostic at the first that is too large for a blob, or with which the net outgrows
  ///   the machine.
  func requireRoom(_ topShapes: [Shape], _ room: Int) throws {
    for (index, (top, shape)) in zip(tops, topShapes).enumerated() {
      try spec.checkSize(
        of: shape, "top '\(top.name)'", at: spec.message.location("top", index))
    }
    let floats = floats(topShapes)
    guard floats > room else { return }
    let needed = (Memory.physicalFloats - room + floats) * MemoryLayout<Float>.stride
    throw spec.error(
      "the blobs of the net up to here would take \(Memory.text(bytes: needed)), but the machine has "
        + "\(Memory.text(bytes: Memory.physicalBytes)) of memory",
      at: spec.message.location("top"), help: "choose a smaller batch or smaller sizes")
  }
}
