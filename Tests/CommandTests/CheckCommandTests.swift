import Foundation
import Testing

@testable import netrun

@Suite("netrun check")
struct CheckCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let digits = LogLines.folder.deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "solvers/digits_lmdb")
    for name in ["train_lmdb", "test_lmdb"] {
      try FileManager.default.createSymbolicLink(
        at: folder.url.appending(path: name), withDestinationURL: digits)
    }
    try folder.write(LintCase.netText, "net.txt")
    try folder.write(LintCase.solverText, "solver.txt")
  }

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run("check \(arguments)", in: folder.url)
  }

  private func write(_ old: String, _ new: String, in name: String = "net.txt") throws {
    let text = try folder.text(name)
    #expect(text.contains(old))
    try folder.write(text.replacing(old, with: new), name)
  }

  private func object(_ result: Program.Result) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any],
      "\(result.errors)")
  }

  @Test("What is right is quiet")
  func clean() throws {
    let result = try run("solver.txt net.txt --data --hints --strict")
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    #expect(result.out == "2 files checked: no problems\n")
    #expect(try run("solver.txt --quiet").out.isEmpty)
  }

  @Test("A warning has a place, a reason and a remedy, and is an error only with --strict")
  func warnings() throws {
    try write("weight_filler { type: \"msra\" }", "")
    let result = try run("net.txt")
    #expect(result.status == 0)
    #expect(
      result.out.hasPrefix(
        "net.txt:10:28: warning: layer 'conv' (Convolution) learns, but its weights all begin at "
          + "0 [constant-weights]\n"), "\(result.out)")
    #expect(result.out.contains("\nnote: units that begin alike"))
    #expect(result.out.contains("\nhelp: add weight_filler"))
    #expect(result.out.hasSuffix("\n1 file checked: 1 warning\n"))
    #expect(try run("net.txt --strict").status == 1)
    let allowed = try run("net.txt --strict --allow constant-weights --allow zero-rate")
    #expect(allowed.status == 0 && allowed.out == "1 file checked: no problems\n")
  }

  @Test("A comment on the line, or above it, lets a lint pass there")
  func comments() throws {
    try write("weight_filler { type: \"msra\" }", "")
    try write("top: \"conv\"", "top: \"conv\" # netrun: allow zero-rate, constant-weights")
    #expect(try run("net.txt --strict").status == 0)
    try write(" # netrun: allow zero-rate, constant-weights", "")
    try write("layer { name: \"conv\"", "# netrun: allow constant-weights\nlayer { name: \"conv\"")
    #expect(try run("net.txt --strict").status == 0)
    try write("# netrun: allow constant-weights", "# netrun: allow zero-rate")
    #expect(try run("net.txt --strict").status == 1)
  }

  @Test("All errors of all files are told at once, each once")
  func errors() throws {
    try write("bottom: \"pool\"", "bottom: \"pol\"")
    try write("kernel_size: 2", "kernel_sise: 2")
    try write("kernel_sise", "kernel_size")
    try write("lr_policy: \"multistep\"", "lr_policy: \"multistp\"", in: "solver.txt")
    try folder.write("layer { name: 'x' type: 'RelU' }\nlayer { nam: 'x' }", "other.txt")
    let result = try run("solver.txt net.txt other.txt nowhere.txt")
    #expect(result.status == 65)
    for text in [
      "solver.txt:5:12: error: unknown lr_policy", "net.txt:20:50", "'pol'",
      "other.txt:2:9: error: unknown field", "nowhere.txt: error: ",
    ] {
      #expect(result.out.contains(text), "\(text) is not in \(result.out)")
    }
    #expect(result.out.components(separatedBy: "'pol'").count == 2, "\(result.out)")
    #expect(result.out.hasSuffix("4 files checked: 4 errors\n"), "\(result.out)")
    #expect(try run("nowhere.txt").status == 66)
  }

  @Test(
    "Data that are missing are an error, and hide nothing else; --no-data does not look for them")
  func missingData() throws {
    try write("test_lmdb", "nowhere_lmdb")
    #expect(try run("net.txt").status == 66)
    #expect(try run("net.txt").out.contains("net.txt:9:24: error: "))
    let result = try run("net.txt --no-data --shape data=8,1,28,28")
    #expect(result.status == 0 && result.out == "1 file checked: no problems\n", "\(result.out)")
  }

  @Test("--data compares labels with outputs, and names the records")
  func labels() throws {
    try write("num_output: 10", "num_output: 9")
    #expect(try run("net.txt").status == 0)
    let result = try run("net.txt --data")
    #expect(result.status == 65)
    #expect(
      result.out.contains("is outside the 9 outputs of layer 'ip2' (InnerProduct), as are those of")
    )
    #expect(result.out.contains("label 9 of record '000"), "\(result.out)")
  }

  @Test(
    "Labels in HDF5 files and in lists of images are read too",
    arguments: [
      ("HDF5Data", "hdf5_data_param { source: 'both.txt' batch_size: 3 }", "one.h5' row 0"),
      (
        "ImageData",
        "image_data_param { source: 'names.txt' root_folder: 'img/' new_height: 8 new_width: 8 }",
        "names.txt:2 is outside"
      ),
    ])
  func otherSources(type: String, parameters: String, record: String) throws {
    let data = LogLines.folder.appending(path: "../../data").standardized.path
    let path = folder.url.appending(path: "small.txt").path
    try folder.write(
      """
      layer { name: "d" type: "\(type)" top: "data" top: "label" \(parameters) }
      layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 2 } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
      """, "small.txt")
    let result = try Program.run("check \(path) --data", in: URL(filePath: data))
    #expect(result.status == 65 && result.out.contains(record), "\(result.out)\(result.errors)")
  }

  @Test("A mean of another size is an error, and does not hide what lints find")
  func meanSize() throws {
    let mean = LogLines.folder.appending(path: "../../data/color_mean.binaryproto").standardized
    try write("{ scale: 0.00390625 } # training's", "{ mean_file: \"\(mean.path)\" }")
    try write("weight_filler { type: \"msra\" }", "")
    let result = try run("net.txt --shape data=8,1,28,28")
    #expect(result.status == 65)
    #expect(result.out.contains("its size is 1×28×28, but the mean image"), "\(result.out)")
    #expect(result.out.contains("[constant-weights]"), "\(result.out)")
  }

  @Test("Weights that are not there, or do not fit, are errors")
  func weights() throws {
    try write("net: ", "weights: 'nowhere.caffemodel'\nnet: ", in: "solver.txt")
    let result = try run("solver.txt")
    #expect(result.status == 66)
    #expect(result.out.contains("solver.txt:1:10: error: the weights 'nowhere.caffemodel'"))
  }

  @Test("Test nets that cannot take the weights of training are an error")
  func sharing() throws {
    try write("num_output: 8 ", "num_output: 8 ")
    try write(
      "layer { name: \"relu1\"",
      """
      layer { name: "a" type: "InnerProduct" bottom: "ip1" top: "a" include { phase: TEST }
        inner_product_param { num_output: 3 } }
      layer { name: "a" type: "InnerProduct" bottom: "ip1" top: "a" include { phase: TRAIN }
        inner_product_param { num_output: 4 } }
      layer { name: "quiet" type: "Silence" bottom: "a" }
      layer { name: "relu1"
      """)
    let result = try run("solver.txt --allow never-learns")
    #expect(result.status == 65 && result.out.contains("'a'"), "\(result.out)")
  }

  @Test("JSON has all findings with their places")
  func json() throws {
    try write("momentum: 0.9", "type: 'Adam'", in: "solver.txt")
    let json = try object(try run("solver.txt --json"))
    #expect(json["errors"] as? Int == 0 && json["warnings"] as? Int == 1)
    let files = try #require(json["files"] as? [[String: Any]])
    #expect(files.first?["kind"] as? String == "solver")
    let finding = try #require((json["findings"] as? [[String: Any]])?.first)
    #expect(finding["lint"] as? String == "adam-without-momentum")
    #expect(finding["severity"] as? String == "warning")
    #expect(finding["file"] as? String == "solver.txt")
    #expect(finding["line"] as? Int == 8 && finding["column"] as? Int == 7)
    #expect(finding["message"] as? String == "Adam has no momentum")
    #expect((finding["help"] as? String)?.contains("momentum: 0.9") == true)
  }

  @Test("The list explains every lint")
  func list() throws {
    let result = try run("--list")
    #expect(result.status == 0)
    for lint in Lint.all {
      #expect(result.out.contains(lint.name) && result.out.contains(lint.remedy))
    }
    let unknown = try run("net.txt --allow zero-rat")
    #expect(unknown.status == 64 && unknown.errors.contains("did you mean 'zero-rate'?"))
    #expect(try run("").status == 64)
  }

  @Test(
    "Numbers of batches that make all records",
    arguments: [
      (10_000, 100, "test_iter: 100"), (1000, 64, "test_iter: 20 with batch_size: 50"),
      (512, 100, "test_iter: 8 with batch_size: 64"),
      (
        997, 50,
        "no batch_size from 12 to 50 divides 997: test_iter: 19 leaves out the least, 47 records"
      ),
    ])
  func advice(records: Int, batch: Int, text: String) {
    #expect(Lint.advice(records, batch) == text)
  }
}
