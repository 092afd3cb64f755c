import Datasets
import Pictures
import Prototxt
import Schema

/// The filters of a convolution, or the channels of its output, as tiles of one picture.
struct TilePicture {
  /// Planes of bytes: one, or blue, green and red.
  let planes: [UInt8]
  let channels: Int
  let height: Int
  let width: Int
  /// How many tiles there are.
  let tiles: Int

  /// A PNG file.
  func png() throws(Diagnostic) -> [UInt8] {
    try ImagePlanes.png(planes, channels: channels, height: height, width: width)
  }

  /// The filters of a blob of (outputs, channels, rows, columns); `nil` if it has other axes.
  ///
  /// Filters over three channels have the colours that they look for; of others each channel is a
  /// grey tile. 0 is the same grey everywhere, and the largest value black or white.
  init?(filters values: [Float], shape: [Int], limit: Int = 1024) {
    // Without values the other axes may be of any size.
    guard shape.count == 4, !values.isEmpty, shape[2] > 1 || shape[3] > 1 else { return nil }
    let channels = shape[1] == 3 ? 3 : 1
    let count = min(limit, shape[0] * shape[1] / channels)
    let most = values.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : $0 }
    let scale = most > 0 ? 127 / most : 0
    self.init(
      count: count, channels: channels, rows: shape[2], columns: shape[3], side: 40,
      perRow: channels == 1 && shape[1] > 1 && shape[1] <= 64 ? shape[1] : nil
    ) { index in 128 + values[index] * scale }
  }

  /// The channels of one sample, each from its least value (black) to its largest (white).
  init?(maps values: UnsafeBufferPointer<Float>, shape: [Int], limit: Int = 64) {
    guard shape.count == 3, !values.isEmpty, shape[1] > 1 || shape[2] > 1 else { return nil }
    let size = shape[1] * shape[2]
    let count = min(limit, shape[0])
    let ranges = (0..<count).map { map in
      values[map * size..<(map + 1) * size].reduce(into: (Float.infinity, -Float.infinity)) {
        if $1.isFinite { $0 = (min($0.0, $1), max($0.1, $1)) }
      }
    }
    self.init(
      count: count, channels: 1, rows: shape[1], columns: shape[2], side: 84, perRow: nil
    ) { index in
      let range = ranges[index / size]
      return range.1 > range.0 ? (values[index] - range.0) / (range.1 - range.0) * 255 : 0
    }
  }

  /// Lays tiles out, enlarged so that each can be seen.
  private init(
    count: Int, channels: Int, rows: Int, columns: Int, side wantedSide: Int, perRow: Int?,
    _ value: (Int) -> Float
  ) {
    let zoom = max(1, wantedSide / max(rows, columns))
    let gap = max(1, min(3, zoom / 3))
    let side = (width: columns * zoom + gap, height: rows * zoom + gap)
    // About as wide as a page.
    let wanted = perRow ?? Int((Double(count) * 1.8).squareRoot().rounded(.up))
    let across = max(1, min(count, wanted, max(1, 1100 / side.width)))
    let down = (count + across - 1) / across
    (width, height) = (across * side.width + gap, down * side.height + gap)
    (self.channels, tiles) = (channels, count)
    var planes = [UInt8](repeating: 236, count: channels * width * height)
    for tile in 0..<count {
      let left = gap + tile % across * side.width
      let top = gap + tile / across * side.height
      for channel in 0..<channels {
        let start = (tile * channels + channel) * rows * columns
        for y in 0..<rows * zoom {
          let target = (channel * height + top + y) * width + left
          let source = start + y / zoom * columns
          for x in 0..<columns * zoom {
            let shade = value(source + x / zoom)
            planes[target + x] = shade.isFinite ? UInt8(max(0, min(255, shade.rounded()))) : 0
          }
        }
      }
    }
    self.planes = planes
  }

  /// The layer whose filters are shown: the one of a name, or the first that has any.
  ///
  /// - Throws: which layers there are.
  static func layer(
    _ name: String?, in file: WeightFile
  ) throws(Diagnostic) -> (layer: WeightLayer, picture: TilePicture) {
    for layer in file.layers where name == nil || layer.name == name {
      guard let blob = layer.blobs.first,
        let picture = TilePicture(filters: blob.floats(), shape: blob.shape)
      else { continue }
      return (layer, picture)
    }
    let suitable = file.layers.filter { layer in
      layer.blobs.first.map { $0.shape.count == 4 && ($0.shape[2] > 1 || $0.shape[3] > 1) } ?? false
    }.map(\.name)
    throw .error(
      name.map { "there is no layer '\($0)' with filters" } ?? "no layer has filters",
      path: file.path,
      help: suitable.isEmpty
        ? nil
        : name.flatMap { closestMatch(to: $0, in: suitable) }.map { "did you mean '\($0)'?" }
          ?? "layers with filters are \(suitable.joined(separator: ", "))")
  }
}
