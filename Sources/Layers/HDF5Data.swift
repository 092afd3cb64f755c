import Compute
import Datasets
import Prototxt
import Schema

/// Brings rows of HDF5 files into the net, batch by batch, file by file.
///
///     topᵢ = the next batch_size rows of the data set that is named like the top
///
/// The first axis of a data set counts the samples. Numbers of all sizes are rounded to float32.
final class HDF5Data: FedLayer {
  static let reference = LayerReference(
    "HDF5Data", .data,
    summary: "Brings rows of the data sets of HDF5 files into the net, file by file.",
    formula: "topᵢ = the next batch_size rows of the data set that is named like the top",
    shapes: "topᵢ: batch_size × the shape of a row, which is the same in all files",
    notes: "The first axis of a data set counts the samples; all data sets of a file have as many. "
      + "Whole numbers and doubles are rounded to float32. After the last row of the last file "
      + "comes the first one again, in the middle of a batch. Files named in the list are looked "
      + "for from the current folder, then beside the net's file and above it, then beside the "
      + "list. Each file is held in memory as a whole, and only one at a time. As in Caffe, a "
      + "transformation is refused: what is in the files is what the net gets.",
    arity: Arity(0...0, 1...Arity.unlimited),
    parameters: [
      ParameterTable(
        "hdf5_data_param",
        [
          "source": "A text file that names HDF5 files, separated by white space.",
          "batch_size": "Rows per batch; must be given.",
          "shuffle":
            "Each round goes through the files, and through the rows of each file, in an order of its own.",
        ])
    ])
  static let samples = [
    LayerSample(
      "top: 'label' top: 'data' "
        + "hdf5_data_param { source: 'Tests/Goldens/data/one.txt' batch_size: 5 shuffle: true }",
      bottoms: [], tops: 0, hasGradient: false)
  ]

  let spec: LayerSpec
  let batchSize: Int
  let feed: BatchFeed?
  let assumedShapes: [Shape]

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    let parameters = spec.parameters("hdf5_data_param")
    var problems = Diagnostics()
    let batchSize = try problems.keeping { try spec.positive(parameters, "batch_size") } ?? 1
    self.batchSize = batchSize
    try problems.keeping {
      try spec.refuseTransform(help: "scale the data in the files, or by a Power or Scale layer")
    }
    let path = try problems.keeping {
      let what = "a text file that names HDF5 files"
      return try spec.sourcePath(parameters, what: what, context) { .missingList($0, what: what) }
    }
    guard let path, !problems.hasErrors else { throw problems }
    guard context.opensSources else {
      feed = nil
      assumedShapes = try HDF5Data.assumedShapes(spec, context)
      return
    }
    let folder = FileResolver.folder(of: path)
    let files = context.files
    let list = try HDF5List(path: path, names: spec.tops) { name in
      name.hasPrefix("/") ? [name] : files.candidates(name) + ["\(folder)/\(name)"]
    }
    assumedShapes = try list.rowShapes.enumerated().map { index, row in
      guard let shape = Shape.checked([batchSize] + row) else {
        throw spec.error(
          "top '\(spec.tops[index])' of \(batchSize) rows of \(Shape(row).display) would not fit in "
            + "memory", at: parameters.location("batch_size"))
      }
      return shape
    }
    let source = try HDF5Source(
      list, batchSize: batchSize, shuffles: parameters.bool("shuffle") || context.shuffles,
      random: context.random(spec, "order"), owner: spec.owner)
    feed = BatchFeed(source, depth: source.depth, shapes: assumedShapes, remark: context.remark)
  }

  private static func assumedShapes(_ spec: LayerSpec, _ context: LayerContext) throws -> [Shape] {
    try spec.tops.enumerated().map { index, top in
      guard let shape = context.assumedShapes[top] else {
        throw spec.error(
          "the shape of '\(top)' is that of its data, which are not opened",
          at: spec.message.location("top", index),
          help: "give it: --shape \(top)=\(spec.parameters("hdf5_data_param").int("batch_size")),…")
      }
      return shape
    }
  }
}
