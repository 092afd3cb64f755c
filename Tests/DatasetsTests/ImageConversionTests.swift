import Compute
import Foundation
import Prototxt
import Testing

@testable import Datasets

@Suite("Conversion of images")
struct ImageConversionTests {
  private let workers = Workers(count: 2)
  private let size = ImageSize(channels: 3, height: 6, width: 8)

  private func convert(
    _ conversion: ImageConversion, _ name: String, in folder: String
  ) throws -> [(key: [UInt8], value: [UInt8])] {
    let images = try ImageCollection(
      root: "\(DataSupport.tools)/images", list: "\(DataSupport.tools)/list.txt")
    _ = try conversion.run(images, to: "\(folder)/\(name)", workers: workers)
    return try DataSupport.records("\(folder)/\(name)")
  }

  private func pixels(_ datum: Datum) throws -> [UInt8] {
    guard datum.isEncoded else { return Array(datum.data) }
    let decoder = ImageDecoder()
    let start = try decoder.decode(datum.data, .unchanged)
    return Array(
      UnsafeBufferPointer(
        start: start, count: decoder.channels * decoder.height * decoder.width))
      + [UInt8(decoder.channels), UInt8(decoder.height), UInt8(decoder.width)]
  }

  @Test(
    "Keys and records are those of convert_imageset",
    arguments: [
      "color", "gray", "resized", "png",
    ])
  func goldens(_ name: String) throws {
    var conversion = ImageConversion()
    conversion.isGray = name == "gray"
    if name == "resized" { (conversion.height, conversion.width) = (8, 6) }
    if name == "png" { (conversion.isEncoded, conversion.format) = (true, .png) }
    try DataSupport.withFolder { folder in
      let got = try convert(conversion, name, in: folder)
      let want = try DataSupport.records("\(DataSupport.tools)/imageset_\(name)_lmdb")
      #expect(got.count == 4 && got.map(\.key) == want.map(\.key))
      // Not encoded, they are the same byte for byte, encoded: false included.
      if name != "png" { #expect(got.map(\.value) == want.map(\.value)) }
      for (got, want) in zip(got, want) {
        try got.value.withUnsafeBytes { a in
          try want.value.withUnsafeBytes { b in
            let (x, y) = (try Datum(a), try Datum(b))
            #expect(x.label == y.label && x.isEncoded == y.isEncoded)
            #expect(
              [x.channels, x.height, x.width] == [y.channels, y.height, y.width] as [Int])
            #expect(try pixels(x) == pixels(y))
          }
        }
      }
    }
  }

  @Test("An image file that needs no change is stored byte for byte")
  func unchangedFiles() throws {
    var conversion = ImageConversion()
    conversion.isEncoded = true
    try DataSupport.withFolder { folder in
      for (index, name) in ["one.png", "two.jpg", "gray.png", "sub/large.png"].enumerated() {
        let records = try convert(conversion, "db\(index)", in: folder)
        let file = try Foundation.Data(
          contentsOf: URL(filePath: "\(DataSupport.tools)/images/\(name)"))
        let stored = try records[index].value.withUnsafeBytes { try Array(Datum($0).data) }
        #expect(stored == Array(file))
      }
      conversion.isGray = true
      let gray = try convert(conversion, "gray", in: folder)
      for record in gray {
        try record.value.withUnsafeBytes {
          let decoder = ImageDecoder()
          _ = try decoder.decode(try Datum($0).data, .unchanged)
          #expect(decoder.channels == 1)
        }
      }
    }
  }

  @Test("A folder gives a class for each folder in it", arguments: [false, true])
  func folders(_ areNumbers: Bool) throws {
    try DataSupport.withFolder { folder in
      let names = areNumbers ? ["2", "10", "0"] : ["dog", "ant", "cat"]
      let classes = Dictionary(uniqueKeysWithValues: zip(names, [5, 3, 4]))
      try Pictures.makeClasses("\(folder)/in", classes, size)
      try Pictures.write("x", "\(folder)/in/\(names[0])/notes.txt")
      try Pictures.write("x", "\(folder)/in/.hidden/a.png")
      try Pictures.write(
        try Pictures.file(1, size, .png), "\(folder)/in/\(names[1])/deeper/a.png")
      let images = try ImageCollection(folder: "\(folder)/in")
      #expect(images.otherFiles == 1 && images.items.count == 13)
      let expected: [Int32: String] =
        areNumbers ? [0: "0", 2: "2", 10: "10"] : [0: "ant", 1: "cat", 2: "dog"]
      #expect(images.classNames == expected)
      #expect(images.items.allSatisfy { $0.name.hasPrefix("\(expected[$0.label] ?? "?")/") })
      #expect(images.items.map(\.label) == images.items.map(\.label).sorted())
      let summary = try ImageConversion().run(
        images, to: "\(folder)/db", workers: workers)
      #expect(summary.records == 13 && summary.isUniform && summary.largest == size)
      #expect(summary.classes.values.sorted() == [4, 4, 5])
      let keys = try DataSupport.records("\(folder)/db").map {
        String(decoding: $0.key, as: UTF8.self)
      }
      #expect(keys == images.items.enumerated().map { String(format: "%08d_", $0) + $1.name })
    }
  }

  @Test("Several hundred files give the same data base at any number of threads")
  func threads() throws {
    try DataSupport.withFolder { folder in
      try Pictures.makeClasses("\(folder)/in", ["a": 170, "b": 130], size)
      var images = try ImageCollection(folder: "\(folder)/in")
      let before = images.items
      images.shuffle(seed: 4)
      #expect(images.items != before && Set(images.items.map(\.path)).count == 300)
      var conversion = ImageConversion()
      (conversion.height, conversion.width) = (5, 9)
      var progress: [Int] = []
      let records = try [1, 3].map { count in
        _ = try conversion.run(
          images, to: "\(folder)/db\(count)", workers: Workers(count: count)
        ) { done, all in
          progress.append(done)
          #expect(all == 300)
        }
        return try DataSupport.records("\(folder)/db\(count)").map(\.value)
      }
      #expect(records[0] == records[1] && records[0].count == 300)
      #expect(progress.last == 300)
      let width = try records[0][0].withUnsafeBytes { try Datum($0).width }
      #expect(width == 9)
    }
  }

  @Test("All files that cannot be read are told, and nothing is made; or they are left out")
  func badFiles() throws {
    try DataSupport.withFolder { folder in
      try Pictures.makeClasses("\(folder)/in", ["a": 60, "b": 60], size)
      try Pictures.write("not an image", "\(folder)/in/a/002.png")
      try Pictures.write("", "\(folder)/in/b/050.png")
      let images = try ImageCollection(folder: "\(folder)/in")
      var conversion = ImageConversion()
      let problems = DataSupport.problems {
        _ = try conversion.run(images, to: "\(folder)/db", workers: workers)
      }
      #expect(
        problems.map(\.path)
          == ["\(folder)/in/a/002.png", "\(folder)/in/b/050.png", "\(folder)/db"])
      #expect(problems.last?.message == "is not made, since 2 images cannot be read")
      #expect(folderNames(folder) == ["in"])
      conversion.skipsBad = true
      let summary = try conversion.run(images, to: "\(folder)/db", workers: workers)
      #expect(summary.records == 118 && summary.bad.count == 2)
      // As in Caffe, the numbers of what is left out are not used again.
      let keys = try DataSupport.records("\(folder)/db").map {
        String(decoding: $0.key, as: UTF8.self)
      }
      #expect(keys[1] == "00000001_a/001.jpg" && keys[2] == "00000003_a/003.JPEG")
      #expect(keys.last == "00000119_b/059.JPEG")
    }
  }

  @Test("A list's bad file is told with the line that names it")
  func badLine() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 3)
      try FileManager.default.removeItem(atPath: "\(folder)/1.png")
      let images = try ImageCollection(root: folder, list: list)
      let problem = DataSupport.problems {
        _ = try ImageConversion().run(images, to: "\(folder)/db", workers: workers)
      }.first
      #expect(problem?.path == "\(list):2")
      #expect(problem?.message == "image '\(folder)/1.png': there is no such file")
    }
  }

  @Test("A split is by class, complete, and the same for a seed", arguments: [0.5, 0.9, 0.999])
  func split(_ share: Double) throws {
    try DataSupport.withFolder { folder in
      try Pictures.makeClasses("\(folder)/in", ["a": 40, "b": 10, "c": 2, "d": 1], size)
      let images = try ImageCollection(folder: "\(folder)/in")
      let (first, second) = images.split(share, seed: 7)
      #expect(Set(first.items.map(\.path)).isDisjoint(with: second.items.map(\.path)))
      #expect(
        (first.items + second.items).map(\.path).sorted() == images.items.map(\.path).sorted())
      for (label, all) in zip(Int32(0)..., [40, 10, 2, 1]) {
        let count = first.items.filter { $0.label == label }.count
        let wanted = all == 1 ? 1 : min(all - 1, max(1, Int((share * Double(all)).rounded())))
        #expect(count == wanted)
      }
      #expect(first.items == images.split(share, seed: 7).0.items)
      if share < 0.99 { #expect(first.items != images.split(share, seed: 8).0.items) }
    }
  }

  @Test("Folders without classes or images are told")
  func emptyFolders() throws {
    try DataSupport.withFolder { folder in
      func message() -> String? {
        DataSupport.problems { _ = try ImageCollection(folder: folder) }.first?.message
      }
      #expect(message() == "has no folders in it")
      try Pictures.write("x", "\(folder)/a/b.txt")
      #expect(message() == "its folders have no images")
      let missing = DataSupport.problems { _ = try ImageCollection(folder: "\(folder)/b") }.first
      #expect(missing?.kind == .missingInput)
    }
  }
}
