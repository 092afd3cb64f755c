public import Prototxt

/// Gives layers of a `.caffemodel` other names; every other byte stays as it is.
public enum WeightRenaming {
  /// Writes a copy of a file in which layers have other names.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - target: The copy.
  ///   - names: The new name of each old one.
  /// - Throws: a diagnostic if the file is damaged, or cannot be written.
  public static func write(
    _ path: String, to target: String, names: [String: String]
  ) throws(Diagnostic) {
    let file = try MappedFile(path: path)
    try FileKind.require(.binary, of: file, toHold: "weights")
    try AtomicFile.write(to: target) { output throws(Diagnostic) in
      var reader = WireReader(file.bytes, source: path)
      var copied = 0
      while true {
        let start = reader.position
        guard let (number, type) = try reader.next() else { break }
        guard type == .lengthDelimited, number == 100 || number == 2 else {
          try reader.skip(type)
          continue
        }
        let layer = try reader.lengthDelimited()
        let field = number == 100 ? 1 : 4
        guard let name = try nameField(field, of: reader.inner(layer)),
          let new = names[text(file, name.text)]
        else { continue }
        var replacement = WireWriter()
        replacement.append(tag: field, length: new.utf8.count)
        let growth = replacement.bytes.count + new.utf8.count - name.field.count
        var head = WireWriter()
        head.append(tag: number, length: layer.count + growth)
        try output.write(part(file, copied..<start))
        try output.write(head.bytes)
        try output.write(part(file, layer.lowerBound..<name.field.lowerBound))
        try output.write(replacement.bytes + new.utf8)
        copied = name.field.upperBound
      }
      try output.write(part(file, copied..<file.bytes.count))
    }
  }

  /// Where a layer's name is: the whole field, and its text.
  private static func nameField(
    _ wanted: Int, of layer: WireReader
  ) throws(Diagnostic) -> (field: Range<Int>, text: Range<Int>)? {
    var reader = layer
    var found: (field: Range<Int>, text: Range<Int>)?
    while true {
      let start = reader.position
      guard let (number, type) = try reader.next() else { return found }
      guard number == wanted, type == .lengthDelimited else {
        try reader.skip(type)
        continue
      }
      let text = try reader.lengthDelimited()
      // As everywhere in protobuf, the last one counts.
      found = (start..<reader.position, text)
    }
  }

  private static func part(_ file: MappedFile, _ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  private static func text(_ file: MappedFile, _ range: Range<Int>) -> String {
    String(decoding: part(file, range), as: UTF8.self)
  }
}
