import Compute
import Datasets
import Glibc
import Layers
import Nets
import Pictures

/// What the blobs of a net hold for one sample, after a forward pass.
struct Activations {
  /// A blob.
  struct Entry {
    let name: String
    let layer: String
    let shape: [Int]
    let values: [Float]
    var mean = 0.0
    var deviation = 0.0
    var most: Float = 0
    var zeroShare = 0.0

    init(name: String, layer: String, shape: [Int], values: [Float]) {
      (self.name, self.layer, self.shape, self.values) = (name, layer, shape, values)
      let numbers = WeightNumbers(values)
      (mean, deviation) = (numbers.mean, numbers.deviation)
      (most, zeroShare) = (numbers.most, numbers.zeroShare)
    }
  }

  let entries: [Entry]

  /// Takes the values of a sample from each blob that has one.
  ///
  /// - Parameters:
  ///   - net: A net that has run and kept its blobs.
  ///   - sample: Which of the batch.
  ///   - wanted: The names of the blobs; empty for all.
  init(_ net: Net, sample: Int, wanted: Set<String>) {
    let batch = LayerTable.batch(of: net)
    var result: [Entry] = []
    var places: [ObjectIdentifier: Int] = [:]
    for node in net.nodes where !LayerTable.isAutomatic(node) {
      for top in node.tops where wanted.isEmpty || wanted.contains(top.name) {
        let shape = top.shape.dimensions
        guard let first = shape.first, first == batch, sample < first, top.count > 0 else {
          continue
        }
        let count = top.count / first
        let values = Array(UnsafeBufferPointer(start: top.values + sample * count, count: count))
        // In-place layers change what is there already: it is one blob, with all their names.
        if let place = places[ObjectIdentifier(top)] {
          let layer = "\(result[place].layer), \(node.name)"
          result[place] = Entry(
            name: top.name, layer: layer, shape: Array(shape.dropFirst()), values: values)
        } else {
          places[ObjectIdentifier(top)] = result.count
          result.append(
            Entry(name: top.name, layer: node.name, shape: Array(shape.dropFirst()), values: values)
          )
        }
      }
    }
    entries = result
  }

  /// Adds a picture of each blob to a page.
  func add(to page: inout Page) {
    page.section("Blobs")
    page.table(
      [
        .init("blob"), .init("layers"), .init("shape"), .init("mean", isNumber: true),
        .init("deviation", isNumber: true), .init("most", isNumber: true),
        .init("zeros", isNumber: true),
      ],
      entries.map { entry in
        [
          entry.name, entry.layer, WeightNumbers.shape(entry.shape),
          Numbers.general(Float(entry.mean)), Numbers.general(Float(entry.deviation)),
          Numbers.general(entry.most), Numbers.percent(entry.zeroShare, 1),
        ]
      })
    page.section("Pictures")
    for entry in entries { add(entry, &page) }
  }

  private func add(_ entry: Entry, _ page: inout Page) {
    let shape = WeightNumbers.shape(entry.shape)
    page.heading("\(entry.name), \(shape)")
    let tiles = entry.values.withUnsafeBufferPointer { TilePicture(maps: $0, shape: entry.shape) }
    if let tiles, let file = try? tiles.png() {
      if tiles.tiles < entry.shape[0] {
        page.paragraph("The first \(tiles.tiles) of \(entry.shape[0]) channels.")
      }
      var picture = SVG(
        width: Double(tiles.width), height: Double(tiles.height),
        label: "\(tiles.tiles) channels of \(entry.name)")
      picture.image(
        0, 0, Double(tiles.width), Double(tiles.height), address: DataAddress.png(file))
      page.wide(picture)
    } else if entry.values.count > 1 {
      page.pictures([
        BarChart(title: "Values of \(entry.name)", x: "value", Histogram(entry.values)).drawn()
      ])
      let best = entry.values.enumerated().sorted {
        ($1.element, $0.offset) < ($0.element, $1.offset)
      }.prefix(5).map { "\($0.offset): \(Numbers.general($0.element))" }
      page.paragraph("The largest: \(best.joined(separator: " · "))")
    } else {
      page.paragraph(Numbers.general(entry.values.first ?? 0))
    }
  }
}
