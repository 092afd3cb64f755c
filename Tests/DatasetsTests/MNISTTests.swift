import CZlib
import Foundation
import Prototxt
import Testing

@testable import Datasets

@Suite("MNIST's files")
struct MNISTTests {
  private let images = "\(DataSupport.tools)/digits100-images-idx3-ubyte"
  private let labels = "\(DataSupport.tools)/digits100-labels-idx1-ubyte"

  private func bytes(_ path: String) throws -> [UInt8] {
    try Array(Foundation.Data(contentsOf: URL(filePath: path)))
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    try Foundation.Data(bytes).write(to: URL(filePath: path))
  }

  private func compress(_ bytes: [UInt8], _ path: String) throws {
    let file = try #require(gzopen(path, "wb"))
    #expect(gzwrite(file, bytes, UInt32(bytes.count)) == Int32(bytes.count))
    gzclose(file)
  }

  @Test("The data base is that of convert_mnist_data, byte for byte", arguments: [false, true])
  func conversion(_ isCompressed: Bool) throws {
    try DataSupport.withFolder { folder in
      var conversion = MNISTConversion(images: images, labels: labels, target: "\(folder)/db")
      if isCompressed {
        conversion.images = "\(folder)/i.gz"
        conversion.labels = "\(folder)/l.gz"
        try compress(bytes(images), conversion.images)
        try compress(bytes(labels), conversion.labels)
      }
      var progress: [Int] = []
      let summary = try conversion.run { done, all in
        progress.append(done)
        #expect(all == 100)
      }
      #expect(progress == [100])
      #expect(summary.records == 100 && summary.height == 28 && summary.width == 28)
      #expect(summary.classes.count == 10 && summary.classes.reduce(0, +) == 100)
      let got = try DataSupport.records("\(folder)/db")
      let want = try DataSupport.records("\(DataSupport.tools)/digits100_lmdb")
      #expect(got.count == 100 && got.map(\.key) == want.map(\.key))
      #expect(got.map(\.value) == want.map(\.value))
    }
  }

  @Test("All that can be wrong with the files is told, and no data base is left")
  func faults() throws {
    let images = try bytes(self.images)
    let labels = try bytes(self.labels)
    func count(_ bytes: [UInt8], _ count: UInt8) -> [UInt8] {
      Array(bytes[..<7]) + [count] + bytes[8...]
    }
    // The length of a compressed file says nothing, so that other messages come there.
    let compressed = [
      "which take 78416 bytes, but has 78415": "is cut off",
      "which take 78416 bytes, but has 78417": "goes on behind the 100 items",
      "says 99 labels, which take 107 bytes, but has 108": "has 99 labels, but",
    ]
    let cases: [(images: [UInt8], labels: [UInt8], text: String)] = [
      (labels, images, "holds labels, but images are expected"),
      (images, images, "holds images, but labels are expected"),
      (Array("<html>404 not found</html>".utf8), labels, "is not a file of images"),
      (Array(images.dropLast(1)), labels, "which take 78416 bytes, but has 78415"),
      (images + [0], labels, "which take 78416 bytes, but has 78417"),
      (images, count(labels, 99), "says 99 labels, which take 107 bytes, but has 108"),
      (images, count(Array(labels.dropLast(1)), 99), "has 99 labels, but"),
      (Array(images[..<9]), labels, "is cut off"),
      ([], labels, "is cut off"),
      (
        Array(images[..<8]) + [0xff, 0xff, 0xff, 0xff] + images[12...], labels,
        "says that images have 4294967295×28"
      ),
      (count(Array(images[..<16]), 0), count(Array(labels[..<8]), 0), "has no images"),
    ]
    for (images, labels, text) in cases {
      for isCompressed in [false, true] where !isCompressed || !images.isEmpty {
        try DataSupport.withFolder { folder in
          let conversion = MNISTConversion(
            images: "\(folder)/i", labels: "\(folder)/l", target: "\(folder)/db")
          if isCompressed {
            try compress(images, conversion.images)
            try compress(labels, conversion.labels)
          } else {
            try write(images, conversion.images)
            try write(labels, conversion.labels)
          }
          let problem = DataSupport.problems { _ = try conversion.run() }.first
          let expected = isCompressed ? compressed[text] ?? text : text
          #expect(problem?.message.contains(expected) == true, "\(problem?.message ?? "nothing")")
          #expect(folderNames(folder) == ["i", "l"])
        }
      }
    }
  }

  @Test("A compressed file that is cut off or damaged is told")
  func damagedCompression() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/i.gz"
      try compress(bytes(images), path)
      let whole = try bytes(path)
      var random = TestRandom(5)
      for round in 0..<200 {
        var damaged = whole
        if round % 2 == 0 {
          damaged.removeLast(Int.random(in: 1..<whole.count, using: &random))
        } else {
          damaged[Int.random(in: 20..<whole.count - 8, using: &random)] ^= 0x10
        }
        try write(damaged, path)
        let conversion = MNISTConversion(images: path, labels: labels, target: "\(folder)/db")
        #expect(DataSupport.problems { _ = try conversion.run() }.count == 1, "round \(round)")
        #expect(folderNames(folder) == ["i.gz"])
      }
    }
  }

  @Test("Missing files and names that are taken are told")
  func missing() throws {
    try DataSupport.withFolder { folder in
      var conversion = MNISTConversion(
        images: "\(DataSupport.tools)/digits100-image-idx3-ubyte", labels: labels,
        target: "\(folder)/db")
      let problem = DataSupport.problems { _ = try conversion.run() }.first
      #expect(problem?.kind == .missingInput && problem?.help == "did you mean '\(images)'?")
      conversion.images = images
      _ = try conversion.run()
      let taken = DataSupport.problems { _ = try conversion.run() }.first
      #expect(taken?.message == "is there already" && taken?.help?.contains("--force") == true)
      conversion.replacesTarget = true
      #expect(try conversion.run().records == 100)
      #expect(folderNames(folder) == ["db"])
    }
  }
}
