public import Prototxt

/// A `.caffemodel` or `.caffemodel.h5`: the layers of a trained net with their blobs.
///
/// A `.caffemodel` is mapped, not read: opening one of any size takes milliseconds, and values are
/// copied once, to where they are wanted. Only names, types and blobs are looked at; forks of Caffe
/// use the numbers of the other fields for things of their own. In HDF5's format, which is
/// recognised by its first bytes, there are names and blobs only, and these are read at once.
public final class WeightFile: Sendable {
  /// The path it was opened with.
  public let path: String
  /// The net's name; empty in HDF5's format.
  public let name: String
  /// The layers in the file's order, also those without blobs; in HDF5's format by name.
  public let layers: [WeightLayer]

  /// Opens a file.
  ///
  /// - Throws: What is wrong with the file, of all its blobs.
  public init(path: String) throws(Diagnostics) {
    let file: MappedFile
    var reader: NetReader
    do {
      file = try MappedFile(path: path)
    } catch { throw Diagnostics(error) }
    if FileKind(file.bytes) == .hdf5 {
      self.path = path
      name = ""
      layers = try HDF5Weights.read(file)
      return
    }
    do {
      try FileKind.require(.binary, of: file, toHold: "weights")
      reader = NetReader(file)
      try reader.read()
    } catch { throw Diagnostics(error) }
    try reader.problems.throwIfErrors()
    guard !reader.layers.isEmpty else {
      throw Diagnostics(
        .error("has no layers", path: path, help: "weights are expected, a .caffemodel file"))
    }
    self.path = path
    name = reader.name
    layers = reader.layers
  }
}

/// A layer in a weight file.
public struct WeightLayer: Sendable {
  /// Its name.
  public internal(set) var name = ""
  /// Its type, as layers of today name it.
  public internal(set) var type = ""
  /// The blobs it reads.
  public internal(set) var bottoms: [String] = []
  /// The blobs it makes.
  public internal(set) var tops: [String] = []
  /// Its weights.
  public internal(set) var blobs: [WeightBlob] = []
  /// Which of the layer's blobs these are, where those that it shares may be left out: in HDF5's
  /// format.
  public internal(set) var places: [Int]?

  /// The weights for the blob at a place of the layer.
  public func blob(_ place: Int) -> WeightBlob? {
    guard let places else { return blobs.indices.contains(place) ? blobs[place] : nil }
    return places.firstIndex(of: place).map { blobs[$0] }
  }
}

/// Finds the layers in the bytes of a NetParameter.
private struct NetReader {
  let file: MappedFile
  var name = ""
  var layers: [WeightLayer] = []
  var problems = Diagnostics()

  init(_ file: MappedFile) {
    self.file = file
  }

  mutating func read() throws(Diagnostic) {
    var reader = WireReader(file.bytes, source: file.path)
    while let (number, type) = try reader.next() {
      switch (number, type) {
      case (1, .lengthDelimited): name = text(try reader.lengthDelimited())
      case (2, .lengthDelimited): try readLayer(reader.inner(try reader.lengthDelimited()), .v1)
      case (100, .lengthDelimited): try readLayer(reader.inner(try reader.lengthDelimited()), .v2)
      default: try reader.skip(type)
      }
    }
  }

  /// The numbers that the three forms of a layer have for the same fields.
  private struct Numbers {
    let name, type, bottom, top, blobs: Int
    static let v2 = Numbers(name: 1, type: 2, bottom: 3, top: 4, blobs: 7)
    static let v1 = Numbers(name: 4, type: 5, bottom: 2, top: 3, blobs: 6)
    static let v0 = Numbers(name: 1, type: 2, bottom: -1, top: -1, blobs: 50)
  }

  private mutating func readLayer(
    _ reader: WireReader, _ numbers: Numbers
  ) throws(Diagnostic) {
    var layer = WeightLayer()
    try read(reader, numbers, into: &layer)
    layers.append(layer)
  }

  private mutating func read(
    _ layerReader: WireReader, _ numbers: Numbers, into layer: inout WeightLayer
  ) throws(Diagnostic) {
    var reader = layerReader
    while let (number, wireType) = try reader.next() {
      switch (number, wireType) {
      case (numbers.name, .lengthDelimited): layer.name = text(try reader.lengthDelimited())
      case (numbers.bottom, .lengthDelimited):
        layer.bottoms.append(text(try reader.lengthDelimited()))
      case (numbers.top, .lengthDelimited): layer.tops.append(text(try reader.lengthDelimited()))
      case (numbers.type, .lengthDelimited):
        let type = text(try reader.lengthDelimited())
        layer.type = numbers.name == 1 && numbers.blobs == 50 ? LayerTypes.fromV0(type) : type
      case (numbers.type, .varint): layer.type = LayerTypes.fromV1(number: try reader.varint())
      case (numbers.blobs, .lengthDelimited):
        let range = try reader.lengthDelimited()
        let blob = "blob \(layer.blobs.count) of layer '\(layer.name)'"
        let found = problems.collecting { () throws(Diagnostic) in
          try WeightBlob(range, in: file, whose: blob)
        }
        if let found { layer.blobs.append(found) }
      case (1, .lengthDelimited) where numbers.blobs == 6:
        // A layer of the first form lies inside one of the second.
        try read(reader.inner(try reader.lengthDelimited()), .v0, into: &layer)
      default: try reader.skip(wireType)
      }
    }
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: file.bytes[range]), as: UTF8.self)
  }
}
