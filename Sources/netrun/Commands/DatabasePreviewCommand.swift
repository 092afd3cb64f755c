import ArgumentParser
import Compute
import Datasets
import Layers
import Nets
import Prototxt
import Schema

/// Shows what a data layer gives.
struct DatabasePreviewCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract: "Write a picture of what a net's data layer gives, as training sees it.",
    discussion: """
      The first batches are read and transformed: cropped, mirrored, turned, and whatever else \
      transform_param says. All images are brought to the range from 0 to 255, by the least and the \
      largest value of all. Each record is shown --times times, one below the other, since training draws \
      anew each time.

      Examples:
        netrun db preview model.txt preview.png
        netrun db preview model.txt preview.png --count 8 --times 6
        netrun db preview model.txt test.png --phase TEST
      """)

  @Argument(help: "The net, a text file.")
  var file: String

  @Argument(help: "The PNG file to write.")
  var picture: String

  @Option(help: "How many images of each batch to show, at most.")
  var count = 8

  @Option(help: "How many times to show them, each time drawn anew.")
  var times = 4

  @Option(help: "TRAIN or TEST: which data layer; TRAIN if nothing is said.")
  var phase: String?

  @OptionGroup var state: StateOptions

  mutating func validate() throws {
    guard (1...1000).contains(count), (1...100).contains(times) else {
      throw ValidationError("--count must be from 1 to 1000, and --times from 1 to 100.")
    }
    if let phase, Phase(rawValue: phase.uppercased()) == nil {
      throw ValidationError("--phase must be TRAIN or TEST, not '\(phase)'.")
    }
    if !picture.lowercased().hasSuffix(".png") {
      throw ValidationError("the picture is a PNG file: its name must end in .png.")
    }
  }

  mutating func run(_ console: Console) throws {
    let images = try read(console)
    let shown = images.values.count / images.size.count
    try images.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      try ImageSheet(images.size, columns: shown / times).write(start, count: shown, to: picture)
    }
    console.print(
      "\(picture): \(Numbers.count(shown / times, "record")) of layer '\(images.layer)', each shown "
        + "\(Numbers.count(times, "time"))")
  }

  private struct Images {
    let layer: String
    let size: ImageSize
    var values: [Float] = []
  }

  /// The first images, as often as asked for, each time by another seed.
  private func read(_ console: Console) throws -> Images {
    var images: Images?
    for seed in 0..<times {
      var loading = NetLoading(
        path: file, phase: phase.flatMap { Phase(rawValue: $0.uppercased()) } ?? .train,
        level: state.level ?? 0, stages: state.stages, threads: 1)
      (loading.onlySources, loading.seed, loading.isSilent) = (true, UInt64(seed), seed > 0)
      let net = try loading.build("db preview", console)
      guard let layer = net.sources.first, let top = layer.tops.first, top.shape.axes == 4 else {
        throw Diagnostic.error(
          "the net has no layer that brings images in this phase", path: file,
          help: "--phase and --stage choose the layers", kind: .badInput)
      }
      try net.forward()
      let size = ImageSize(
        channels: top.shape[1], height: top.shape[2], width: top.shape[3])
      var found = images ?? Images(layer: layer.name, size: size)
      guard found.size == size, size.count > 0 else {
        throw Diagnostic.error(
          "layer '\(layer.name)' gives images of \(found.size) and of \(size), which make no picture",
          path: file, kind: .badInput)
      }
      found.values += top.array.prefix(min(count, top.shape[0]) * size.count)
      images = found
    }
    guard let images else { throw Diagnostic.error("no image was read", path: file) }
    return images
  }
}
