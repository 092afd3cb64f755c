import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

@testable import Datasets

@Suite("ImageData layer")
struct ImageDataTests {
  static func net(
    _ parameters: String, type: String = "ImageData", phase: Phase = .train, seed: UInt64 = 1,
    folder: String? = nil, opensSources: Bool = true, remarks: Remarks = Remarks()
  ) throws -> Net {
    let text = """
      layer { name: "data" type: "\(type)" top: "data" top: "label" \(parameters) }
      """
    let context = LayerContext(
      workers: Workers(count: 1), seed: seed, files: FileResolver(folder: folder),
      opensSources: opensSources, remark: { remarks.add($0) })
    return try Net(
      try TextFormat.parse(text, as: .net, name: "net.prototxt"),
      options: Net.Options(state: NetState(phase: phase), context: context))
  }

  private func labels(_ net: Net) throws -> [Float] {
    try net.forward()
    return try #require(net.blob("label")).array
  }

  // MARK: Lists

  @Test("A name ends at the last space; blanks at ends and blank lines do not count")
  func listSyntax() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/list.txt"
      try Pictures.write("a b.png 3\n\n  c.png   -5\r\nd 1.jpg +7 \t\n \ne.png 0", path)
      let list = try ImageList(path: path)
      #expect((0..<list.count).map(list.name) == ["a b.png", "  c.png  ", "d 1.jpg", "e.png"])
      #expect((0..<list.count).map(list.label) == [3, -5, 7, 0])
      #expect(list.place(3) == "\(path):6")
    }
  }

  @Test("All bad lines of a list are told with their numbers")
  func badLines() throws {
    try DataSupport.withFolder { folder in
      let path = "\(folder)/list.txt"
      try Pictures.write("a.png 1\nb.png x\nc.png\nd.png\t3\ne.png 1.5\nf.png 99999999999\n", path)
      let problems = DataSupport.problems { _ = try ImageList(path: path) }
      #expect(problems.map(\.path) == (2...6).map { "\(path):\($0)" })
      let texts = [
        "'x' is not a whole number", "'c.png' has no label", "by a tab, not by a space",
        "'1.5' is not", "'99999999999' is not",
      ]
      for (problem, text) in zip(problems, texts) {
        #expect(problem.message.contains(text), "\(problem.message)")
        #expect(problem.help != nil)
      }
      try Pictures.write("\n\n", path)
      #expect(
        DataSupport.problems { _ = try ImageList(path: path) }[0].message == "names no images")
      let missing = DataSupport.problems { _ = try ImageList(path: "\(folder)/lst.txt") }.first
      #expect(missing?.kind == .missingInput && missing?.help == "did you mean '\(path)'?")
    }
  }

  // MARK: Order and resumption

  @Test("Images come in order, round and round; a single pass ends with a smaller batch")
  func order() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 5)
      let net = try Self.net("image_data_param { source: '\(list)' batch_size: 3 is_color: false }")
      #expect(try (0..<5).flatMap { _ in try labels(net) } == (0..<15).map { Float($0 % 5) })
      let source = try #require(net.sources.first?.source)
      #expect(source.recordCount == 5 && source.recordName(sample: 1) == "'3.png'")
      let first = Pictures.pixels(2, ImageSize(channels: 1, height: 4, width: 5)).map(Float.init)
      #expect(Array(try #require(net.blob("data")).array.prefix(20)) == first)
      source.beginSinglePass()
      #expect(try labels(net) == [0, 1, 2])
      #expect(try labels(net) == [3, 4])
      #expect(throws: EndOfData.self) { try net.forward() }
    }
  }

  @Test("A shuffled round has every image once, each round an order of its own")
  func shuffle() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 20)
      let text = "image_data_param { source: '\(list)' batch_size: 4 shuffle: true }"
      let net = try Self.net(text)
      let rounds = try (0..<4).map { _ in try (0..<5).flatMap { _ in try labels(net) } }
      for round in rounds { #expect(round.sorted() == (0..<20).map(Float.init)) }
      #expect(Set(rounds).count == 4 && !rounds.contains((0..<20).map(Float.init)))
      let again = try Self.net(text)
      #expect(try (0..<20).flatMap { _ in try labels(again) } == rounds.flatMap(\.self))
      let other = try Self.net(text, seed: 2)
      #expect(try (0..<20).flatMap { _ in try labels(other) } != rounds.flatMap(\.self))
      let source = try #require(net.sources.first?.source)
      source.beginSinglePass()
      #expect(try (0..<5).flatMap { _ in try labels(net) } == (0..<20).map(Float.init))
    }
  }

  @Test(
    "Place, order and random numbers are saved exactly",
    arguments: [0, 1, 3, 5, 6, 13], [1, 4])
  func resume(_ before: Int, _ prefetch: Int) throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 11)
      let text = """
        image_data_param { source: '\(list)' batch_size: 2 shuffle: true rand_skip: 4 }
        data_param { prefetch: \(prefetch) } transform_param { mirror: true crop_size: 3 }
        """
      func passes(_ net: Net, _ count: Int) throws -> [[Float]] {
        try (0..<count).map { _ in
          try net.forward()
          return net.outputs.flatMap(\.array)
        }
      }
      let net = try Self.net(text)
      _ = try passes(net, before)
      let state = try #require(net.sources.first?.layer.state)
      let expected = try passes(net, 14)
      let other = try Self.net(text, seed: 77)
      _ = try passes(other, before % 2)
      other.sources.first?.layer.state = state
      #expect(other.sources.first?.layer.state == state)
      #expect(try passes(other, 14) == expected)
      other.sources.first?.layer.state = LayerState(counters: [1])
      #expect(throws: Diagnostic.self) { try other.forward() }
    }
  }

  @Test("rand_skip leaves out fewer images than it says, and only in the first round")
  func skip() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 6)
      var starts = Set<Float>()
      for seed in UInt64(0)..<40 {
        let net = try Self.net(
          "image_data_param { source: '\(list)' batch_size: 1 rand_skip: 4 }", seed: seed)
        let seen = try (0..<8).flatMap { _ in try labels(net) }
        starts.insert(seen[0])
        #expect(seen == (0..<8).map { Float((Int(seen[0]) + $0) % 6) })
      }
      #expect(starts == [0, 1, 2, 3])
    }
  }

  // MARK: Faults

  @Test("An image that cannot be used is told with the line that names it, when its batch is due")
  func badImages() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 6)
      let good = try Array(Foundation.Data(contentsOf: URL(filePath: "\(folder)/3.png")))
      let large = ImageSize(channels: 1, height: 5, width: 5)
      let cases: [([UInt8]?, String)] = [
        (nil, "there is no such file"), ([], "its image is empty"),
        (Array(good.dropLast(20)), "cannot be decoded"),
        (Array("GIF89a".utf8), "neither PNG nor JPEG"),
        (
          try Pictures.file(0, large, .png),
          "it gives 3×5×5, but its batch begins with record '2.png', which gives 3×4×5"
        ),
      ]
      for (bytes, text) in cases {
        try? FileManager.default.removeItem(atPath: "\(folder)/3.png")
        if let bytes { try Pictures.write(bytes, "\(folder)/3.png") }
        let net = try Self.net("image_data_param { source: '\(list)' batch_size: 2 }")
        #expect(try labels(net) == [0, 1])
        let problem = DataSupport.problems { try net.forward() }.first
        #expect(problem?.path == "\(list):4")
        #expect(problem?.message.hasPrefix("layer 'data' (ImageData): image '3.png': ") == true)
        #expect(problem?.message.contains(text) == true, "\(problem?.message ?? "")")
        #expect(problem?.kind == .badInput)
      }
    }
  }

  @Test("What is wrong with the parameters is told at once")
  func parameters() throws {
    let problems = DataSupport.problems {
      _ = try Self.net(
        "image_data_param { source: 'nowhere.txt' batch_size: 0 new_height: 4 }", folder: "/tmp/a")
    }
    #expect(problems.count == 3 && problems.allSatisfy { $0.location != nil })
    #expect(problems.contains { $0.message.contains("batch_size is 0") })
    #expect(problems.contains { $0.message.contains("new_height is given alone") })
    let missing = problems.first { $0.kind == .missingInput }
    #expect(missing?.notes.map(\.message).contains("tried '/tmp/a/nowhere.txt'") == true)
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 3)
      let skip = DataSupport.problems {
        _ = try Self.net("image_data_param { source: '\(list)' rand_skip: 4 }")
      }
      #expect(skip.first?.message.contains("names only 3 images") == true)
      let large = DataSupport.problems {
        _ = try Self.net("image_data_param { source: '\(list)' batch_size: 2000000000 }")
      }
      #expect(large.first?.message.contains("does not fit into memory") == true)
    }
  }

  @Test("Older fields without effect, and images found elsewhere, are remarked")
  func remarks() throws {
    try DataSupport.withFolder { folder in
      let list = try Pictures.makeList(folder, 3)
      let remarks = Remarks()
      let net = try Self.net(
        "image_data_param { source: '\(list)' scale: 2 mean_file: 'x' crop_size: 3 mirror: true }",
        remarks: remarks)
      for field in ["scale", "mean_file", "crop_size", "mirror"] {
        #expect(remarks.all.contains { $0.contains("\(field) in image_data_param has no effect") })
      }
      #expect(remarks.all.contains { $0.contains("image '0.png' is '\(folder)/0.png'") })
      #expect(remarks.all.count == 5)
      #expect(net.blob("data")?.shape == [1, 3, 4, 5])
    }
  }

  @Test("A net whose images are not here takes its shape from the parameters")
  func unopened() throws {
    func shape(_ parameters: String) throws -> Shape? {
      try Self.net(parameters, opensSources: false).blob("data")?.shape
    }
    #expect(
      try shape("image_data_param { source: 'x' batch_size: 7 new_height: 8 new_width: 9 }")
        == [7, 3, 8, 9])
    #expect(
      try shape(
        "image_data_param { source: 'x' is_color: false } transform_param { crop_size: 5 }")
        == [1, 1, 5, 5])
    #expect(throws: Diagnostics.self) { try shape("image_data_param { source: 'x' }") }
  }
}
