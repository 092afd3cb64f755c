import Foundation
import Testing

@testable import netrun

/// The commands that make databases and look into files.
@Suite("Commands about data")
struct DataCommandTests {
  private let folder: TemporaryFolder
  private static let legacy = LogLines.folder.deletingLastPathComponent().path
  private static let tools = "\(legacy)/tools"

  init() throws { folder = try TemporaryFolder() }

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run(arguments, in: folder.url)
  }

  @Test("Ctrl-C in the middle leaves nothing behind, and what was there as it was")
  func interrupted() throws {
    let picture = "\(Self.tools)/images/one.png"
    try folder.write(String(repeating: "\(picture) 1\n", count: 100_000), "list.txt")
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    let program = try Program(
      ["convert", "images", "", "list.txt", "made_lmdb", "--resize", "300x300"], in: folder.url)
    // It has begun when its temporary folder is there.
    var waited = 0
    while try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == before,
      waited < 6000
    {
      usleep(10_000)
      waited += 1
    }
    program.send(SIGINT)
    let result = try program.wait()
    #expect(result.status == 130)
    #expect(result.errors.contains("error: stopped after"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == before)
  }

  /// Copies the pictures of the goldens into a folder for each class.
  private func makeClasses() throws {
    let files = FileManager.default
    for (name, pictures) in [
      "cat": ["one.png", "two.jpg", "gray.png"], "dog": ["two.jpg", "one.png"],
    ] {
      let target = folder.url.appending(path: "pets/\(name)")
      try files.createDirectory(at: target, withIntermediateDirectories: true)
      for picture in pictures {
        try files.copyItem(
          atPath: "\(Self.tools)/images/\(picture)",
          toPath: target.appending(path: picture).path)
      }
    }
  }

  @Test(
    "Exit codes tell what kind of error it was",
    arguments: [
      ("convert images", 64), ("convert images a", 64), ("convert images a b c d", 64),
      ("convert images nowhere db", 66), ("convert images . nowhere.txt db", 66),
      ("convert images a b --resize 0x3", 64), ("convert images a b --resize big", 64),
      ("convert images a b --split 1", 64), ("convert images a b --encode-type gif", 64),
      ("convert cifar nowhere .", 66), ("mean nowhere_lmdb", 66), ("db", 0),
      ("db inf nowhere_lmdb", 64), ("db info nowhere_lmdb", 66), ("db verify nowhere_lmdb", 66),
      ("db head nowhere_lmdb", 66), ("db labels nowhere_lmdb", 66),
      ("db export nowhere_lmdb x", 66), ("db preview nowhere.txt x.png", 66),
      ("db preview models/lenet/model.txt x.jpg", 64),
      ("db preview models/lenet/model.txt x.png --count 9223372036854775807", 64),
      ("extract a b c", 64),
      ("extract nowhere.caffemodel nowhere.txt ip out", 66), ("weights list nowhere", 66),
      ("weights diff a b", 66), ("weights rename a b c=d", 66), ("weights scan nowhere", 66),
    ] as [(String, Int32)])
  func exitCodes(_ arguments: String, _ code: Int32) throws {
    let result = try run(arguments)
    #expect(result.status == code, "\(result.errors)")
    if code != 0 { #expect(!result.errors.isEmpty && result.out.isEmpty) }
  }

  @Test("Every command shows an example")
  func examples() throws {
    for command in [
      "convert images", "convert cifar", "mean", "db", "db info", "db verify", "db head",
      "db labels", "db export", "db preview", "extract", "weights", "weights list", "weights stats",
      "weights diff", "weights rename", "weights scan",
    ] {
      let result = try run("\(command) --help")
      #expect(result.status == 0)
      #expect(
        result.out.contains("netrun \(command) ") && result.out.contains("xample"), "\(command)")
    }
  }

  // MARK: Images

  @Test("A folder of classes becomes a database and a text with the classes' names")
  func classes() throws {
    try makeClasses()
    let first = try run("convert images pets pets_lmdb --resize 7x5")
    #expect(first.status == 0)
    #expect(
      first.errors.hasPrefix("note: records are stored class after class")
        && first.errors.contains("--shuffle"))
    #expect(
      first.out.hasPrefix("pets_lmdb: 5 records of 3×5×7, 2 classes of 2 to 3 records, "))
    #expect(first.out.hasSuffix("pets_labels.txt: 2 names of classes\n"))
    #expect(try folder.text("pets_labels.txt") == "cat\ndog\n")
    let again = try run("convert images pets pets_lmdb --resize 7x5")
    #expect(again.status == 74 && again.errors.contains("--force"))
    let shuffled = try run("convert images pets pets_lmdb --gray --force --shuffle")
    #expect(shuffled.status == 0 && shuffled.errors.isEmpty)
    let info = try run("db info pets_lmdb --json")
    let object = try JSONSerialization.jsonObject(with: Data(info.out.utf8)) as? [String: Any]
    #expect(object?["records"] as? Int == 5 && object?["labels"] as? Int == 2)
    let labels = try run("db labels pets_lmdb --names pets_labels.txt")
    #expect(labels.out.contains("    0        3  60.0 %  cat"))
    #expect(try run("db labels pets_lmdb --json").out == "{\n  \"0\": 3,\n  \"1\": 2\n}\n")
  }

  @Test("A preview shows what a data layer gives, changed at random at TRAIN")
  func preview() throws {
    try makeClasses()
    #expect(try run("convert images pets pets_lmdb --resize 7x5").status == 0)
    for (name, change) in [
      ("plain", ""), ("shuffled", "shuffle: true rand_skip: 3"), ("turned", ""),
    ] {
      let net = """
        layer { name: 'pets' type: 'Data' top: 'data' top: 'label'
          transform_param { rotation: \(name == "turned" ? 90 : 0) }
          data_param { source: 'pets_lmdb' backend: LMDB batch_size: 3 \(change) } }
        layer { name: 'ip' type: 'InnerProduct' bottom: 'data' inner_product_param { num_output: 2 } }
        """
      try folder.write(net, "\(name).txt")
      let result = try run("db preview \(name).txt \(name).png --count 2 --times 5")
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      #expect(result.out == "\(name).png: 2 records of layer 'pets', each shown 5 times\n")
    }
    let pictures = try ["plain.png", "shuffled.png", "turned.png"].map {
      try Data(contentsOf: folder.url.appending(path: $0))
    }
    #expect(pictures.allSatisfy { $0.starts(with: [0x89, 0x50, 0x4e, 0x47]) })
    // Each row shows the same records, whatever order training has.
    #expect(pictures[0] == pictures[1] && pictures[0] != pictures[2])
  }

  @Test("A split gives two databases")
  func split() throws {
    try makeClasses()
    let result = try run("convert images pets pets_lmdb --split 0.5 --resize 4 --seed 3")
    #expect(result.status == 0)
    #expect(result.out.contains("pets_train_lmdb: 3 records"))
    #expect(result.out.contains("pets_test_lmdb: 2 records"))
    #expect(!folder.exists("pets_lmdb") && folder.exists("pets_labels.txt"))
    // With a bad file in one part, neither is made.
    try folder.write("oops", "pets/dog/bad.png")
    let bad = try run("convert images pets other_lmdb --split 0.5 --resize 4")
    #expect(bad.status == 65 && bad.errors.contains("pets/dog/bad.png: error: "))
    #expect(!folder.exists("other_train_lmdb") && !folder.exists("other_test_lmdb"))
  }

  @Test("Bad files end a conversion unless they are to be skipped")
  func badFiles() throws {
    try makeClasses()
    try folder.write("oops", "pets/dog/bad.png")
    let strict = try run("convert images pets pets_lmdb")
    #expect(strict.status == 65)
    #expect(strict.errors.contains("pets/dog/bad.png: error: its image is neither PNG nor JPEG"))
    #expect(strict.errors.contains("--skip-bad"))
    #expect(!folder.exists("pets_lmdb") && !folder.exists("pets_labels.txt"))
    let lenient = try run("convert images pets pets_lmdb --skip-bad")
    #expect(lenient.status == 0 && lenient.errors.contains("pets/dog/bad.png: warning: "))
    #expect(lenient.out.contains("5 records") && lenient.out.contains(", 1 left out, "))
  }

  // MARK: Databases

  @Test("The mean is printed and written")
  func mean() throws {
    let result = try run("mean \(Self.tools)/digits100_lmdb mean.binaryproto")
    #expect(result.status == 0 && result.out == "mean_value: 34.2331\n")
    #expect(
      try Data(contentsOf: folder.url.appending(path: "mean.binaryproto"))
        == Data(contentsOf: URL(filePath: "\(Self.tools)/digits100_mean.binaryproto")))
    #expect(try run("mean \(Self.tools)/digits100_lmdb mean.binaryproto").status == 74)
  }

  @Test("A database is checked, shown and exported")
  func database() throws {
    let path = "\(Self.tools)/imageset_png_lmdb"
    let verified = try run("db verify \(path)")
    #expect(verified.out == "\(path): 4 records, all of them can be read\n")
    #expect(verified.errors.contains("the images have 3 sizes"))
    let head = try run("db head \(path) --count 2")
    #expect(head.out.split(separator: "\n").count == 3)
    #expect(head.out.contains("00000001_two.jpg      0  3×12×10  PNG"))
    let exported = try run("db export \(path) out")
    #expect(exported.out == "out: 4 images in 4 folders\n")
    #expect(folder.exists("out/11/00000003_sub_large.png"))
    #expect(try run("db export \(path) out").status == 74)
    // An exported database can be made again.
    let again = try run("convert images out again_lmdb")
    #expect(again.status == 0 && again.out.contains("4 records"))
  }

  // MARK: Features and weights

  @Test("Features are what extract_features wrote")
  func extract() throws {
    let logs = try folder.copyLogs()
    let result = try Program.run(
      "extract init.caffemodel features.prototxt ip1 db --iterations 3", in: logs)
    #expect(result.out == "db: 15 samples of 'ip1', 12 each\n")
    let exported = try ["db", "features_ip1_lmdb"].map { name in
      try Program.run("db head \(name) --count 15", in: logs).out.split(separator: "\n")
    }
    #expect(exported[0].count == 16)
    #expect(exported[0].last?.contains("0000000014      0  12×1×1  floats") == true)
    // The same table up to the last digits of the values.
    for (ours, caffes) in zip(exported[0].dropFirst(), exported[1].dropFirst()) {
      let (a, b) = (ours.split(separator: " "), caffes.split(separator: " "))
      #expect(a.prefix(5) == b.prefix(5))
      for (x, y) in zip(a.suffix(2), b.suffix(2)) {
        let (x, y) = (try #require(Double(x)), try #require(Double(y)))
        #expect(abs(x - y) < 1e-4)
      }
    }
    let several = try Program.run(
      "extract init.caffemodel features.prototxt ip1,ip2 a.npy,b.csv", in: logs)
    #expect(several.out.contains("a.npy: 512 samples of 'ip1', 12 each\n"))
    let table = try String(contentsOf: logs.appending(path: "b.csv"), encoding: .utf8)
    #expect(
      table.split(separator: "\n").map { $0.split(separator: ",").count }
        == Array(repeating: 10, count: 512))
    let unknown = try Program.run(
      "extract init.caffemodel features.prototxt ip3 db3", in: logs)
    #expect(unknown.status == 64 && unknown.errors.contains("did you mean 'ip1'?"))
    let count = try Program.run(
      "extract init.caffemodel features.prototxt ip1,ip2 one", in: logs)
    #expect(count.status == 64 && !FileManager.default.fileExists(atPath: logs.path + "/one"))
  }

  @Test("Weights are listed, measured, compared, renamed and scanned")
  func weights() throws {
    let logs = LogLines.folder.path
    let list = try run("weights list \(logs)/init.caffemodel")
    #expect(list.out.contains("ip1    InnerProduct  12×216, 12    2,604"))
    let stats = try run("weights stats \(logs)/init.caffemodel")
    #expect(stats.out.contains("conv1     0  6×1×5×5  -0.334698  0.346206"))
    let same = try run("weights diff \(logs)/init.caffemodel \(logs)/init.caffemodel")
    #expect(same.status == 0 && same.out.hasSuffix("the same\n"))
    let other = try run("weights diff \(logs)/init.caffemodel \(logs)/snap_iter_20.caffemodel")
    #expect(other.status == 1 && other.out.contains("100.0 %"))
    #expect(
      try run(
        "weights diff \(logs)/init.caffemodel \(logs)/snap_iter_20.caffemodel --tolerance 9"
      ).status == 0)
    let renamed = try run("weights rename \(logs)/init.caffemodel new.caffemodel ip1=first")
    #expect(renamed.out == "new.caffemodel: 1 layer renamed\n")
    #expect(
      try run("weights list new.caffemodel").out.contains("\nfirst  InnerProduct  12×216, 12"))
    let twice = try run("weights rename \(logs)/init.caffemodel x.caffemodel ip1=ip2")
    #expect(twice.status == 64 && twice.errors.contains("two layers would be called 'ip2'"))
    let wrong = try run("weights rename \(logs)/init.caffemodel x.caffemodel ip7=a")
    #expect(wrong.status == 64 && wrong.errors.contains("did you mean 'ip"))
    #expect(try run("weights scan \(logs)/init.caffemodel").out.hasSuffix("nothing to remark\n"))
    try breakWeights("\(logs)/init.caffemodel")
    let scan = try run("weights scan broken.caffemodel")
    #expect(scan.status == 1)
    #expect(scan.out.contains("blob 0 of layer 'ip2': 1 of 120 values are not finite"))
  }

  /// Copies weights with the first value of the last layer's matrix made no number.
  private func breakWeights(_ path: String) throws {
    var data = try Data(contentsOf: URL(filePath: path))
    // The matrix is a field of 480 bytes: tag 5, packed, and the length in two bytes.
    let field = try #require(data.range(of: Data([0x2a, 0xe0, 0x03])))
    data.replaceSubrange(
      field.upperBound..<field.upperBound + 4, with: [0x00, 0x00, 0xc0, 0x7f])
    try data.write(to: folder.url.appending(path: "broken.caffemodel"))
  }
}
