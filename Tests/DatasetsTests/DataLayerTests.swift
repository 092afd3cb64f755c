import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Testing

@testable import Datasets

@Suite("Data layer")
struct DataLayerTests {
  private func parameters(
    _ path: String, batch: Int, data: String = "", transform: String = ""
  ) -> String {
    """
    data_param { source: "\(path)" batch_size: \(batch) backend: LMDB \(data) }
    transform_param { \(transform) }
    """
  }

  private func source(_ net: Net) throws -> any SourceLayer {
    try #require(net.sources.first?.source)
  }

  /// The values of all tops after each of some forward passes.
  private func passes(_ net: Net, _ count: Int) throws -> [[Float]] {
    try (0..<count).map { _ in
      try net.forward()
      return net.outputs.flatMap(\.array)
    }
  }

  private func labels(_ net: Net) throws -> [Float] {
    try net.forward()
    return try #require(net.blob("label")).array
  }

  // MARK: Order and resumption

  @Test("Records come in order, round and round, also within a batch")
  func order() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(5))
      let net = try DataSupport.net(parameters("\(folder)/db", batch: 3))
      let seen = try (0..<5).flatMap { _ in try labels(net) }
      #expect(seen == (0..<15).map { Float($0 % 5) })
      let source = try source(net)
      #expect(source.recordCount == 5 && source.batchSize == 3)
      #expect(source.recordName(sample: 0) == "'0002'" && source.recordName(sample: 3) == nil)
    }
  }

  @Test("A batch larger than the data holds records more than once")
  func largeBatch() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(3))
      let net = try DataSupport.net(parameters("\(folder)/db", batch: 8))
      #expect(try labels(net) == [0, 1, 2, 0, 1, 2, 0, 1])
      #expect(try labels(net) == [2, 0, 1, 2, 0, 1, 2, 0])
    }
  }

  @Test(
    "Place and random numbers are saved exactly, whatever was read ahead",
    arguments: [0, 1, 2, 3, 7, 11, 12, 40], [1, 4, 16])
  func resume(_ before: Int, _ prefetch: Int) throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(23, height: 9, width: 8))
      let text = parameters(
        "\(folder)/db", batch: 4, data: "prefetch: \(prefetch)",
        transform: "crop_size: 5 mirror: true scale: 0.5 mean_value: 3")
      let net = try DataSupport.net(text)
      _ = try passes(net, before)
      let state = try #require(net.sources.first?.layer.state)
      let expected = try passes(net, 15)
      // Another run: another seed, and some passes of its own before the state is set.
      let other = try DataSupport.net(text, seed: 99)
      _ = try passes(other, before % 3)
      other.sources.first?.layer.state = state
      #expect(other.sources.first?.layer.state == state)
      #expect(try passes(other, 15) == expected)
      #expect(Set(expected).count > 10)
      // And back within the same run.
      net.sources.first?.layer.state = state
      #expect(try passes(net, 15) == expected)
    }
  }

  @Test("A place whose record is gone is told, and its number counts")
  func lostPlace() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(10))
      let net = try DataSupport.net(parameters("\(folder)/db", batch: 4))
      _ = try labels(net)
      var records = DataSupport.images(10)
      records.remove(at: 3)
      try DataSupport.makeLMDB("\(folder)/other", records)
      let remarks = Remarks()
      let other = try DataSupport.net(parameters("\(folder)/other", batch: 4), remarks: remarks)
      other.sources.first?.layer.state = try #require(net.sources.first?.layer.state)
      #expect(try labels(other) == [5, 6, 7, 8])
      #expect(remarks.all.contains { $0.contains("has no record '0003'") })
      other.sources.first?.layer.state = LayerState(counters: [1, 2])
      #expect(throws: Diagnostic.self) { try other.forward() }
    }
  }

  @Test("A single pass ends with a smaller batch, again and again, then goes on as before")
  func singlePass() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(10))
      let net = try DataSupport.net(parameters("\(folder)/db", batch: 4), phase: .test)
      _ = try labels(net)
      let source = try source(net)
      let state = source.state
      for _ in 0..<3 {
        source.beginSinglePass()
        #expect(try labels(net) == [0, 1, 2, 3])
        #expect(try labels(net) == [4, 5, 6, 7])
        #expect(try labels(net) == [8, 9])
        #expect(net.blob("data")?.shape == [2, 1, 4, 5])
        #expect(throws: EndOfData.self) { try net.forward() }
        #expect(throws: EndOfData.self) { try net.forward() }
      }
      (source as any Layer).state = state
      #expect(try labels(net) == [4, 5, 6, 7])
      #expect(try labels(net) == [8, 9, 0, 1])
    }
  }

  @Test("A folder may be read by several nets at once")
  func severalNets() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(6))
      let nets = try (0..<3).map { _ in
        try DataSupport.net(parameters("\(folder)/db", batch: 4))
      }
      for net in nets { #expect(try labels(net) == [0, 1, 2, 3]) }
      for net in nets.reversed() { #expect(try labels(net) == [4, 5, 0, 1]) }
    }
  }

  // MARK: Transform

  @Test("Crops lie everywhere in training and in the middle at test")
  func crops() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(1, height: 5, width: 6))
      let text = parameters("\(folder)/db", batch: 200, transform: "crop_size: 3")
      let test = try DataSupport.net(text, phase: .test)
      try test.forward()
      let middle: [Float] = [7, 8, 9, 13, 14, 15, 19, 20, 21]
      #expect(test.blob("data")?.array == (0..<200).flatMap { _ in middle })
      let train = try DataSupport.net(text, phase: .train)
      try train.forward()
      let values = try #require(train.blob("data")).array
      var corners = Set<Float>()
      for start in stride(from: 0, to: values.count, by: 9) {
        let corner = values[start]
        corners.insert(corner)
        #expect(
          Array(values[start..<start + 9])
            == [0, 1, 2, 6, 7, 8, 12, 13, 14].map { Float($0) + corner })
      }
      #expect(corners == [0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15])
    }
  }

  @Test("One half of the images is mirrored, in both phases", arguments: [Phase.train, .test])
  func mirror(_ phase: Phase) throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", DataSupport.images(1, height: 2, width: 3))
      let net = try DataSupport.net(
        parameters("\(folder)/db", batch: 400, transform: "mirror: true"), phase: phase)
      try net.forward()
      let values = try #require(net.blob("data")).array
      let images = stride(from: 0, to: values.count, by: 6).map { Array(values[$0..<$0 + 6]) }
      let mirrored = images.filter { $0 == [2, 1, 0, 5, 4, 3] }.count
      #expect(images.filter { $0 == [0, 1, 2, 3, 4, 5] }.count + mirrored == 400)
      #expect((150...250).contains(mirrored))
    }
  }

  @Test("What belongs to the mean must fit: its number of values, its size")
  func means() throws {
    func first(_ transform: String, of name: String = "color") -> Diagnostic? {
      DataSupport.problems {
        _ = try DataSupport.net(
          parameters("\(DataSupport.data)/\(name)_lmdb", batch: 2, transform: transform))
      }.first
    }
    let mean = "mean_file: \"\(DataSupport.data)/color_mean.binaryproto\""
    #expect(first("mean_value: 1 mean_value: 2")?.message.contains("has 3 channels, but") == true)
    #expect(first("\(mean) mean_value: 1")?.message.contains("exclude each other") == true)
    #expect(first("force_color: true force_gray: true")?.message.contains("exclude") == true)
    let size = first(mean, of: "gray")?.message
    #expect(size?.contains("its size is 1×") == true && size?.contains("has 3×9×10") == true)
    let missing = first("mean_file: \"\(DataSupport.data)/colour_mean.binaryproto\"")
    #expect(missing?.kind == .missingInput)
    #expect(missing?.help == "did you mean '\(DataSupport.data)/color_mean.binaryproto'?")
    #expect(first("crop_size: 11")?.message.contains("smaller than crop_size 11") == true)
    #expect(first("\(mean) crop_size: 4") == nil)
  }

  // MARK: Faults

  @Test("What is wrong with the parameters is told at once, at its place")
  func parameterFaults() throws {
    let problems = DataSupport.problems {
      _ = try DataSupport.net(
        "data_param { source: \"nowhere_lmdb\" batch_size: 0 backend: LMDB }\n"
          + "transform_param { mean_value: 1 mean_file: \"x\" }", folder: "/tmp/a")
    }
    #expect(problems.count == 3 && problems.allSatisfy { $0.location != nil })
    #expect(problems.contains { $0.message.contains("batch_size is 0") })
    let missing = problems.first { $0.kind == .missingInput }
    #expect(missing?.notes.map(\.message).contains("tried '/tmp/a/nowhere_lmdb'") == true)
    let none = DataSupport.problems { _ = try DataSupport.net("") }
    #expect(none.map(\.message).contains { $0.contains("batch_size is missing") })
    #expect(none.map(\.message).contains { $0.contains("source is missing") })
    let tops = DataSupport.problems {
      _ = try DataSupport.net(parameters("x", batch: 1), tops: ["a", "b", "c"])
    }
    #expect(tops.contains { $0.message.contains("takes at most 2 tops") })
    let large = DataSupport.problems {
      _ = try DataSupport.net(parameters("\(DataSupport.data)/gray_lmdb", batch: 4_294_967_295))
    }
    #expect(large.first?.message.contains("does not fit into memory") == true)
  }

  @Test("A bad record is told when its batch is due, with its key")
  func badRecords() throws {
    let good = DataSupport.images(7)
    let wrong: [(value: [UInt8], text: String)] = [
      (Array(good[0].value.dropLast(5)), "it is cut off"),
      ([], "it holds no image"),
      ([0x08, 1, 0x10, 4, 0x18, 5, 0x28, 3], "it holds no image"),
      (
        Datum.encode(
          channels: 1, height: 4, width: 6, data: [UInt8](repeating: 0, count: 20), label: 0),
        "it says 1×4×6, that is 24 values, but holds 20 bytes"
      ),
      (
        Datum.encode(
          channels: -1, height: 4, width: 5, data: [UInt8](repeating: 0, count: 20), label: 0),
        "it says -1 for channels"
      ),
      (
        Datum.encode(
          channels: 1, height: 5, width: 4, data: [UInt8](repeating: 0, count: 20), label: 0),
        "it gives 1×5×4, but its batch begins with record '0003', which gives 1×4×5"
      ),
      ([0x38, 1, 0x22, 3, 1, 2, 3], "its image is neither PNG nor JPEG"),
      ([0x38, 1], "its image is empty"),
      ([UInt8](repeating: 0xff, count: 11), "has more than 10 bytes"),
      ([0x0c], "it is no Datum"),
    ]
    for (value, text) in wrong {
      try DataSupport.withFolder { folder in
        var records = good
        records[5].value = value
        try DataSupport.makeLMDB("\(folder)/db", records)
        let net = try DataSupport.net(parameters("\(folder)/db", batch: 3))
        #expect(try labels(net) == [0, 1, 2])
        let problem = DataSupport.problems { try net.forward() }.first
        #expect(problem?.message.hasPrefix("layer 'data' (Data): record '0005': ") == true)
        #expect(problem?.message.contains(text) == true, "\(problem?.message ?? "") / \(text)")
        #expect(problem?.path == "\(folder)/db" && problem?.kind == .badInput)
        #expect(DataSupport.problems { try net.forward() }.count == 1)
      }
    }
  }

  @Test("A damaged image that is not said to be encoded is recognised")
  func unsaidEncoding() throws {
    try DataSupport.withFolder { folder in
      let record = try DataSupport.records("\(DataSupport.data)/png_lmdb")[0]
      let datum = try record.value.withUnsafeBytes { Array(try Datum($0).data) }
      let value = Datum.encode(channels: 3, height: 9, width: 9, data: datum, label: 1)
      try DataSupport.makeLMDB("\(folder)/db", [("a", value)])
      let problem = DataSupport.problems {
        _ = try DataSupport.net(parameters("\(folder)/db", batch: 1))
      }.first
      #expect(problem?.help == "the bytes are a PNG image, but encoded is not set")
    }
  }

  @Test("An empty data base is told")
  func empty() throws {
    try DataSupport.withFolder { folder in
      try DataSupport.makeLMDB("\(folder)/db", [])
      let problem = DataSupport.problems {
        _ = try DataSupport.net(parameters("\(folder)/db", batch: 1))
      }.first
      #expect(problem?.message.contains("has no records") == true && problem?.location != nil)
    }
  }

  // MARK: Remarks and nets without data

  @Test("What has no effect is remarked")
  func remarks() throws {
    let remarks = Remarks()
    _ = try DataSupport.net(
      "data_param { source: \"gray_lmdb\" batch_size: 1 rand_skip: 5 scale: 2 crop_size: 3 "
        + "force_encoded_color: true prefetch: 0 }\ntransform_param { force_gray: true }",
      folder: "\(DataSupport.data)/img", remarks: remarks)
    for text in [
      "rand_skip has no effect", "scale in data_param has no effect",
      "crop_size in data_param has no effect", "force_encoded_color has no effect",
      "prefetch: 0 counts as 1", "is an LMDB: read as such", "the images are not encoded",
      "source 'gray_lmdb' is '\(DataSupport.data)/gray_lmdb'",
    ] {
      #expect(remarks.all.contains { $0.contains(text) }, "\(text)")
    }
    #expect(remarks.all.count == 8)
  }

  @Test("A net whose data are not here takes its shapes from elsewhere")
  func unopened() throws {
    let text = parameters("nowhere_lmdb", batch: 6)
    let problem = DataSupport.problems {
      _ = try DataSupport.net(text, opensSources: false)
    }.first
    #expect(problem?.help == "give it: --shape data=6,CHANNELS,HEIGHT,WIDTH")
    let assumed = try DataSupport.net(
      text, opensSources: false, assumedShapes: ["data": [2, 1, 7, 7]])
    #expect(assumed.blob("data")?.shape == [2, 1, 7, 7] && assumed.blob("label")?.shape == [2])
    #expect(throws: Diagnostic.self) { try assumed.forward() }
    let cropped = try DataSupport.net(
      parameters("nowhere_lmdb", batch: 6, transform: "crop_size: 8 mean_file: \"none\""),
      opensSources: false)
    #expect(cropped.blob("data")?.shape == [6, 3, 8, 8])
    #expect(cropped.sources.first?.layer.state.isEmpty == true)
    cropped.sources.first?.layer.state = LayerState(counters: [1])
  }

  @Test("Batches are handed over without copies, and nets end while records are read")
  func handingOver() throws {
    let path = "\(DataSupport.goldens)/solvers/digits_lmdb"
    for _ in 0..<50 {
      let net = try DataSupport.net(parameters(path, batch: 64))
      try net.forward()
    }
    let net = try DataSupport.net(parameters(path, batch: 64, data: "prefetch: 2"))
    var seen = Set<UnsafeMutablePointer<Float>>()
    for _ in 0..<40 {
      try net.forward()
      seen.insert(try #require(net.blob("data")).values)
    }
    // Those of two batches, and the top's own.
    #expect(seen.count <= 3)
  }
}
