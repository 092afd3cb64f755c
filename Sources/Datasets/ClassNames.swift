public import Prototxt

/// The names of classes, as a text has them: a line each, that of class 0 first.
public struct ClassNames: Sendable {
  private let names: [String]

  /// Reads a text.
  public init(path: String) throws(Diagnostic) {
    let file = try MappedData(
      path: path,
      missing: .error(
        "there is no such file", path: path, help: similarName(to: path), kind: .missingInput))
    names = file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The name of a class; empty if it has none.
  public subscript(label: Int32) -> String {
    names.indices.contains(Int(label)) ? names[Int(label)] : ""
  }
}
