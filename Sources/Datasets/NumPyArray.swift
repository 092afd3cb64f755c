internal import Prototxt

/// An array of numbers in NumPy's .npy format (NEP 1), versions 1 to 3.
struct NumPyArray {
  /// The size along each axis.
  let shape: [Int]
  /// The values, the last axis running fastest.
  let values: [Float]

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Whether a file is one, by its first bytes.
  static func begins(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: magic) }

  /// Reads a file's bytes.
  ///
  /// - Throws: what is wrong with them, or what they hold that is not read: other numbers than bytes and
  ///   floats of 4 or 8 bytes, big-endian ones, columns first.
  init(_ bytes: UnsafeRawBufferPointer) throws(DatumFault) {
    let wide = bytes.count > 6 && bytes[6] >= 2
    let start = wide ? 12 : 10
    guard bytes.count >= start else { throw DatumFault("is a .npy file that ends in its header") }
    let length = (8..<start).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
    guard length <= bytes.count - start else {
      throw DatumFault("is a .npy file that ends in its header")
    }
    let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
    guard let type = header.firstMatch(of: /'descr'\s*:\s*'([^']*)'/)?.output.1,
      let order = header.firstMatch(of: /'fortran_order'\s*:\s*(True|False)/)?.output.1,
      let sizes = header.firstMatch(of: /'shape'\s*:\s*\(([0-9,\s]*)\)/)?.output.1
    else { throw DatumFault("is a .npy file whose header makes no sense") }
    guard order == "False" else {
      throw DatumFault(
        "is a .npy file that holds columns first", help: "numpy.ascontiguousarray puts rows first")
    }
    var shape: [Int] = []
    for part in sizes.split(separator: ",") {
      let digits = part.filter { !$0.isWhitespace }
      if digits.isEmpty { continue }
      guard let size = Int(digits) else {
        throw DatumFault("is a .npy file whose shape makes no sense")
      }
      shape.append(size)
    }
    self.shape = shape
    var count = 1
    for size in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw DatumFault("is a .npy file whose shape makes no sense") }
      count = product
    }
    let width = ["<f4": 4, "<f8": 8, "|u1": 1][String(type)]
    guard let width else {
      throw DatumFault(
        "is a .npy file of numbers of type '\(type)'", help: "save it as float32, float64 or uint8")
    }
    let body = UnsafeRawBufferPointer(rebasing: bytes[(start + length)...])
    guard count <= body.count / width, body.count == count * width else {
      throw DatumFault(
        "is a .npy file of \(body.count) bytes behind its header, where its shape wants \(count) × \(width)"
      )
    }
    values = (0..<count).map { place in
      switch width {
      case 1: Float(body[place])
      case 4:
        Float(
          bitPattern: UInt32(
            littleEndian: body.loadUnaligned(fromByteOffset: 4 * place, as: UInt32.self)))
      default:
        Float(
          Double(
            bitPattern: UInt64(
              littleEndian: body.loadUnaligned(fromByteOffset: 8 * place, as: UInt64.self))))
      }
    }
  }
}
