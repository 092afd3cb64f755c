import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Datasets

@Suite("WindowData layer")
struct WindowDataTests {
  private static let list = "\(DataSupport.goldens)/../DatasetsTests/Windows/windows.txt"
  private static let images = "\(DataSupport.goldens)/data/img/"

  private func windows(
    _ more: String = "", _ transform: String = "crop_size: 8", batch: Int = 8, seed: UInt64 = 1,
    list: String = Self.list, remarks: Remarks = Remarks()
  ) throws -> Net {
    try ImageDataTests.net(
      """
      window_data_param {
        source: '\(list)' root_folder: '\(Self.images)' batch_size: \(batch) \(more)
      }
      transform_param { \(transform) }
      """, type: "WindowData", seed: seed, remarks: remarks)
  }

  private func window(_ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int) -> WindowList.Window {
    WindowList.Window(image: 0, label: 1, overlap: 1, x1: x1, y1: y1, x2: x2, y2: y2, line: 1)
  }

  // MARK: Lists

  @Test("A list is read with images, windows and lines")
  func list() throws {
    let list = try WindowList(path: Self.list)
    #expect(list.images == ["smooth.png", "tall.png", "wide.png"])
    #expect(list.windows.count == 9)
    #expect(
      list.windows[4]
        == WindowList.Window(
          image: 1, label: 2, overlap: 0.75, x1: 8, y1: 12, x2: 16, y2: 22, line: 17))
  }

  @Test("What is wrong with a list is told with its line")
  func badLists() throws {
    let head = "# 0\na.png\n3\n9\n9\n1\n"
    let cases = [
      ("a.png 1\n", 1, "stands where '#'"), ("# 1\na.png\n", 1, "is 1, but 0 is expected"),
      ("# 0\na.png\n3\n9\n", 4, "ends before the number of columns"),
      ("\(head)1 x 0 0 1 1\n", 7, "overlap is 'x'"), ("\(head)1 0.5 0 0 1\n", 7, "before y2"),
      ("\(head)1 0.5 3 0 1 1\n", 7, "is empty"), ("\(head)1.5 0.5 3 0 1 1\n", 7, "is '1.5'"),
      ("# 0\na.png\n3\n9\n9\n-1\n", 6, "there are -1 windows"),
    ]
    for (text, line, message) in cases {
      try DataSupport.withFolder { folder in
        let path = "\(folder)/w.txt"
        try Pictures.write(text, path)
        let problem = DataSupport.problems { _ = try WindowList(path: path) }.first
        #expect(problem?.path == "\(path):\(line)", "\(text)")
        #expect(problem?.message.contains(message) == true, "\(problem?.message ?? "")")
      }
    }
  }

  // MARK: Placement

  @Test("Without surroundings a window is warped to the crop as it is")
  func warp() throws {
    let image = ImageSize(channels: 3, height: 20, width: 30)
    let place = try WindowPlacement(
      window(4, 5, 13, 7), in: image, crop: 8, padding: 0, isSquare: false, isMirrored: false)
    #expect(place.rows == 5..<8 && place.columns == 4..<14)
    #expect(place.height == 8 && place.width == 8 && place.top == 0 && place.left == 0)
    for bad in [window(-1, 0, 3, 3), window(0, 0, 30, 3), window(0, 0, 3, 20)] {
      #expect(throws: DatumFault.self) {
        try WindowPlacement(
          bad, in: image, crop: 8, padding: 0, isSquare: false, isMirrored: false)
      }
    }
  }

  @Test("Surroundings within the image, and beyond it")
  func padding() throws {
    let image = ImageSize(channels: 3, height: 100, width: 100)
    // 40 columns and rows around 50, times 16 / (16 - 2 · 4) = 2: from 10 to 90.
    let inside = try WindowPlacement(
      window(30, 30, 69, 69), in: image, crop: 16, padding: 4, isSquare: false, isMirrored: false)
    #expect(inside.columns == 10..<91 && inside.rows == 10..<91)
    #expect(inside.height == 16 && inside.width == 16 && inside.left == 0)
    // 20 columns around 10 become -10 to 30: 41, of which 10 are missing; 16 / 41 · 10 rounds to 4.
    let beyond = try WindowPlacement(
      window(0, 30, 19, 69), in: image, crop: 16, padding: 4, isSquare: false, isMirrored: false)
    #expect(beyond.columns == 0..<31 && beyond.left == 4 && beyond.width == 12)
    let mirrored = try WindowPlacement(
      window(0, 30, 19, 69), in: image, crop: 16, padding: 4, isSquare: false, isMirrored: true)
    #expect(mirrored.columns == 0..<31 && mirrored.left == 0 && mirrored.width == 12)
  }

  @Test("A square takes more around the shorter side")
  func square() throws {
    let image = ImageSize(channels: 3, height: 100, width: 100)
    let place = try WindowPlacement(
      window(40, 20, 49, 79), in: image, crop: 12, padding: 0, isSquare: true, isMirrored: false)
    // 60 rows around 50, and as many columns around 45.
    #expect(place.rows == 20..<81 && place.columns == 15..<76)
  }

  @Test("Any window of any image has a place within the crop")
  func bounds() throws {
    var random = TestRandom(9)
    for _ in 0..<5000 {
      let image = ImageSize(
        channels: 3, height: .random(in: 1...40, using: &random),
        width: .random(in: 1...40, using: &random))
      let x = [0, 1].map { _ in Int.random(in: 0..<image.width, using: &random) }.sorted()
      let y = [0, 1].map { _ in Int.random(in: 0..<image.height, using: &random) }.sorted()
      let crop = Int.random(in: 1...20, using: &random)
      let place = try WindowPlacement(
        window(x[0], y[0], x[1], y[1]), in: image, crop: crop,
        padding: .random(in: 0...(crop - 1) / 2, using: &random),
        isSquare: .random(using: &random), isMirrored: .random(using: &random))
      #expect(!place.rows.isEmpty && place.rows.upperBound <= image.height)
      #expect(!place.columns.isEmpty && place.columns.upperBound <= image.width)
      #expect(place.rows.lowerBound >= 0 && place.columns.lowerBound >= 0)
      #expect(place.top >= 0 && place.height >= 1 && place.top + place.height <= crop)
      #expect(place.left >= 0 && place.width >= 1 && place.left + place.width <= crop)
    }
  }

  // MARK: Values

  @Test("Values are those of the formula: cut, resized, mirrored, less the mean, scaled")
  func values() throws {
    try DataSupport.withFolder { folder in
      let size = ImageSize(channels: 3, height: 9, width: 11)
      let pixels = Pictures.pixels(4, size)
      try Pictures.write(try Pictures.file(4, size, .png), "\(folder)/a.png")
      try Pictures.write("# 0\na.png\n3\n9\n11\n1\n2 0.9 2 1 8 7\n", "\(folder)/w.txt")
      let net = try ImageDataTests.net(
        """
        window_data_param { source: '\(folder)/w.txt' batch_size: 30 fg_fraction: 1 scale: 0.5 }
        transform_param { crop_size: 6 mirror: true mean_value: 1 mean_value: 2 mean_value: 3 }
        """, type: "WindowData")
      try net.forward()
      var plain: [Float] = []
      var mirrored: [Float] = []
      for channel in 0..<3 {
        let part = (1...7).flatMap { row in
          let start = channel * 99 + row * 11
          return pixels[start + 2...start + 8]
        }
        let crop = ResizeTests.naive(part, height: 7, width: 7, to: (6, 6))
        let values = crop.map { (Float($0) - Float(channel + 1)) * 0.5 }
        plain += values
        for row in 0..<6 { mirrored += values[row * 6..<row * 6 + 6].reversed() }
      }
      let all = try #require(net.blob("data")).array
      let crops = (0..<30).map { Array(all[$0 * 108..<($0 + 1) * 108]) }
      #expect(crops.allSatisfy { $0 == plain || $0 == mirrored })
      #expect(crops.contains(plain) && crops.contains(mirrored))
      #expect(net.blob("label")?.array == [Float](repeating: 2, count: 30))
      #expect(net.sources.first?.source?.recordName(sample: 0) == "'a.png, line 7'")
    }
  }

  @Test("A mean image is taken from its middle, at the place in the crop")
  func meanImage() throws {
    try DataSupport.withFolder { folder in
      let mean = "\(DataSupport.data)/color_mean.binaryproto"
      let one = try windows("fg_fraction: 0", "crop_size: 6 mean_file: '\(mean)'", seed: 5)
      let other = try windows("fg_fraction: 0", "crop_size: 6", seed: 5)
      try one.forward()
      try other.forward()
      let settings = try TransformSettings(
        try TextFormat.parse(
          "layer { transform_param { mean_file: '\(mean)' } }", as: .net
        ).messages("layer")[0].message("transform_param"), owner: ""
      ) { [$0] }
      let image = try #require(settings.meanImage)
      let got = try #require(one.blob("data")).array
      let raw = try #require(other.blob("data")).array
      for index in raw.indices {
        let (column, row, channel) = (index % 6, index / 6 % 6, index / 36 % 3)
        let top = (image.size.height - 6) / 2 + row
        let left = (image.size.width - 6) / 2 + column
        let place = (channel * image.size.height + top) * image.size.width + left
        #expect(got[index] == raw[index] - image.values[place])
      }
    }
  }

  @Test("A batch begins with background, then has its share of objects")
  func shares() throws {
    for (share, objects) in [(0.0, 0), (0.25, 2), (0.3, 2), (1, 8)] {
      let net = try windows("fg_fraction: \(share)")
      for _ in 0..<5 {
        try net.forward()
        let labels = try #require(net.blob("label")).array
        #expect(labels.prefix(8 - objects).allSatisfy { $0 == 0 })
        #expect(labels.suffix(objects).allSatisfy { $0 > 0 })
      }
    }
  }

  @Test("The same seed draws the same windows; a saved place goes on exactly")
  func resume() throws {
    func passes(_ net: Net, _ count: Int) throws -> [[Float]] {
      try (0..<count).map { _ in
        try net.forward()
        return net.outputs.flatMap(\.array)
      }
    }
    let transform = "crop_size: 8 mirror: true"
    let net = try windows("context_pad: 1", transform)
    let seen = try passes(net, 3)
    #expect(try passes(windows("context_pad: 1", transform), 3) == seen)
    #expect(try passes(windows("context_pad: 1", transform, seed: 2), 3) != seen)
    let state = try #require(net.sources.first?.layer.state)
    let expected = try passes(net, 5)
    let other = try windows("context_pad: 1", transform, seed: 9)
    other.sources.first?.layer.state = state
    #expect(try passes(other, 5) == expected)
  }

  // MARK: Faults

  @Test("What is wrong is told: parameters, windows outside, no windows of a kind, one pass")
  func faults() throws {
    func first(_ more: String, _ transform: String = "crop_size: 8") -> Diagnostic? {
      DataSupport.problems { _ = try windows(more, transform) }.first
    }
    #expect(first("", "")?.message.contains("crop_size is missing") == true)
    #expect(first("crop_mode: 'sqare'")?.label == "did you mean 'square'?")
    #expect(first("context_pad: 4")?.message.contains("leaves nothing") == true)
    #expect(first("fg_fraction: 2")?.message.contains("must be from 0 to 1") == true)
    #expect(
      first("", "crop_size: 8 mean_value: 1 mean_value: 2")?.message.contains("2 times") == true)
    #expect(first("fg_threshold: 2")?.message.contains("no window shows objects") == true)
    #expect(first("bg_threshold: -1")?.message.contains("no window shows background") == true)
    let unlabeled = DataSupport.problems { _ = try windows("fg_threshold: 0.05") }
    #expect(unlabeled.map(\.path) == [8, 19].map { "\(Self.list):\($0)" })
    try DataSupport.withFolder { folder in
      try Pictures.write("# 0\nsmooth.png\n3\n11\n13\n1\n2 0.9 2 1 13 7\n", "\(folder)/w.txt")
      let net = try windows("fg_fraction: 1", list: "\(folder)/w.txt")
      let outside = DataSupport.problems { try net.forward() }.first
      #expect(outside?.path == "\(folder)/w.txt:7")
      #expect(outside?.message.contains("does not lie in its image of 13 columns") == true)
    }
    let net = try windows()
    net.sources.first?.source?.beginSinglePass()
    let endless = DataSupport.problems { try net.forward() }.first
    #expect(endless?.help?.contains("--iterations") == true)
  }

  @Test("Fields without effect are remarked")
  func remarks() throws {
    let remarks = Remarks()
    _ = try windows(
      "crop_size: 3 mirror: true cache_images: true", "crop_size: 8 scale: 2 force_gray: true",
      remarks: remarks)
    for text in [
      "crop_size in window_data_param", "mirror in window_data_param", "cache_images has no effect",
      "scale in transform_param has no effect", "force_gray has no effect",
    ] {
      #expect(remarks.all.contains { $0.contains(text) }, "\(text)")
    }
    #expect(remarks.all.count == 5)
  }
}
