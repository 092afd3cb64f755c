import CZlib
import Compute
import Prototxt
import Schema

/// An array of floats with a name, as it is put into a file for other programs.
struct NamedTensor {
  let name: String
  let shape: [Int]
  /// Where the values are; the memory must remain until they are written.
  let values: UnsafePointer<Float>

  /// All values of a blob.
  init(_ name: String, _ blob: Blob) {
    (self.name, shape, values) = (name, blob.shape.dimensions, blob.reading)
  }

  fileprivate var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: values, count: 4 * shape.reduce(1, *))
  }
}

/// Files of arrays that other programs read: NumPy's `.npz`, and `.safetensors`.
enum TensorFile {
  /// Writes arrays in the format that the path's ending names.
  static func write(_ tensors: [NamedTensor], to path: String) throws(Diagnostic) {
    if path.hasSuffix(".npz") {
      try writeNPZ(tensors, to: path)
    } else {
      try writeSafetensors(tensors, to: path)
    }
  }

  // MARK: safetensors

  /// A length, a header in JSON, and all values one behind the other.
  private static func writeSafetensors(
    _ tensors: [NamedTensor], to path: String
  ) throws(Diagnostic) {
    var members: [(name: String, value: JSON)] = [
      ("__metadata__", .object([("format", "pt"), ("producer", .string("netrun"))]))
    ]
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.bytes.count
      members.append(
        (
          tensor.name,
          .members([
            "dtype": "F32", "shape": .array(tensor.shape.map { .int($0) }),
            "data_offsets": .array([.int(offset), .int(end)]),
          ])
        ))
      offset = end
    }
    var header = Array(JSON.object(members).text.utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    try AtomicFile.write(to: path) { output throws(Diagnostic) in
      try output.write(little(UInt64(header.count)) + header)
      for tensor in tensors { try output.write(tensor.bytes) }
    }
  }

  // MARK: npz

  /// A zip file, not compressed, of an `.npy` file for each array.
  private static func writeNPZ(_ tensors: [NamedTensor], to path: String) throws(Diagnostic) {
    let total = tensors.reduce(0) { $0 + $1.bytes.count + 1024 }
    guard total < 1 << 32 - 1 else {
      throw .error(
        "the arrays have \(Numbers.bytes(total)), but an .npz file holds 4 GB at most", path: path,
        help: "write a .safetensors file")
    }
    try AtomicFile.write(to: path) { output throws(Diagnostic) in
      var directory: [UInt8] = []
      var offset = 0
      for tensor in tensors {
        let head = numpyHead(tensor.shape)
        let size = head.count + tensor.bytes.count
        let entry = zipEntry(tensor, head, size)
        let local = little(UInt32(0x0403_4b50)) + entry.fields + little(UInt16(0)) + entry.name
        try output.write(local + head)
        try output.write(tensor.bytes)
        directory +=
          little(UInt32(0x0201_4b50)) + little(UInt16(20)) + entry.fields
          + [UInt8](repeating: 0, count: 12) + little(UInt32(offset)) + entry.name
        offset += local.count + size
      }
      let count = little(UInt16(tensors.count))
      try output.write(
        directory + little(UInt32(0x0605_4b50)) + [0, 0, 0, 0] + count + count
          + little(UInt32(directory.count)) + little(UInt32(offset)) + [0, 0])
    }
  }

  /// What the local header and the directory say of an entry: from the version to the name's length.
  private static func zipEntry(
    _ tensor: NamedTensor, _ head: [UInt8], _ size: Int
  ) -> (fields: [UInt8], name: [UInt8]) {
    var sum = head.withUnsafeBufferPointer { crc32(0, $0.baseAddress, UInt32($0.count)) }
    let bytes = tensor.bytes
    var start = 0
    while start < bytes.count, let base = bytes.baseAddress {
      let count = min(bytes.count - start, 1 << 30)
      sum = crc32(sum, (base + start).assumingMemoryBound(to: UInt8.self), UInt32(count))
      start += count
    }
    let name = Array("\(tensor.name).npy".utf8)
    // Version 2.0, UTF-8 names, stored, the earliest day that there is.
    let fields =
      little(UInt16(20)) + little(UInt16(0x800)) + little(UInt16(0)) + little(UInt16(0))
      + little(UInt16(0x21)) + little(UInt32(truncatingIfNeeded: sum)) + little(UInt32(size))
      + little(UInt32(size)) + little(UInt16(name.count))
    return (fields, name)
  }

  private static func numpyHead(_ shape: [Int]) -> [UInt8] {
    let sizes = shape.map { "\($0)," }.joined(separator: " ")
    var text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(sizes)), }"
    while (text.utf8.count + 11) % 64 != 0 { text += " " }
    text += "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(UInt16(text.utf8.count))
      + Array(text.utf8)
  }

  private static func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}
