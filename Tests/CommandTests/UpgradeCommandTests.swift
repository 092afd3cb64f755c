import Foundation
import Schema
import Testing

@testable import netrun

@Suite("netrun upgrade")
struct UpgradeCommandTests {
  private let folder: TemporaryFolder
  private static let legacy = LogLines.folder.deletingLastPathComponent()

  init() throws { folder = try TemporaryFolder() }

  private func golden(_ name: String) -> String {
    Self.legacy.appending(path: "upgrade/\(name).prototxt").path
  }

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run("upgrade \(arguments)", in: folder.url)
  }

  @Test(
    "Texts become what Caffe's own tool makes of them, character for character",
    arguments: [
      ("new_with_old_input", ["2 inputs of the net itself, now an Input layer"]),
      ("solver_adam", ["solver_type: ADAM, now type: \"Adam\""]),
      ("solver_nesterov", ["solver_type: NESTEROV, now type: \"Nesterov\""]),
      ("v0_deploy", ["8 layers of the form of 2013 (V0)", "1 input of the net itself"]),
      ("v0_train", ["11 layers of the form of 2013 (V0)", "1 padding layer, now 'pad'"]),
      ("v1_train", ["10 layers of the form of 2014 (V1)", "of 1 data layer, now in 'transform_"]),
      ("v1_types", ["24 layers of the form of 2014 (V1)"]),
    ] as [(String, [String])])
  func texts(name: String, changes: [String]) throws {
    let result = try run("\(golden(name)) new.prototxt")
    #expect(result.status == 0, "\(result.errors)")
    for change in changes { #expect(result.out.contains(change), "\(result.out)") }
    let wanted = try String(contentsOfFile: golden("\(name).upgraded"), encoding: .utf8)
    #expect(try folder.text("new.prototxt") == wanted)
    // What was upgraded is of today's form.
    let again = try run("new.prototxt again.prototxt")
    #expect(
      again.out == "new.prototxt is a \(name.hasPrefix("solver") ? "solver" : "net") of today's "
        + "form; again.prototxt is a copy\n")
    #expect(try folder.text("again.prototxt") == wanted)
  }

  @Test("A text of today's form is copied with its comments; others lose them, and it is said")
  func comments() throws {
    let text = "# ours\nlayer { name: 'x' type: 'Input' top: 'x' } # end\n"
    try folder.write(text, "new.txt")
    let same = try run("new.txt copy.txt")
    #expect(same.status == 0 && same.errors.isEmpty)
    #expect(try folder.text("copy.txt") == text)
    try folder.write("# ours\nlayers { name: 'r' type: RELU bottom: 'x' top: 'y' }", "old.txt")
    #expect(try run("old.txt out.txt").errors == "note: comments are not in out.txt\n")
    #expect(try !folder.text("out.txt").contains("ours"))
  }

  @Test("Weights are upgraded with all their values")
  func binary() throws {
    let old = Self.legacy.appending(path: "models/v1_4d.caffemodel").path
    let result = try run("\(old) new.caffemodel --json")
    #expect(result.status == 0, "\(result.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    #expect(object?["content"] as? String == "net" && object?["is_text"] as? Bool == false)
    #expect(object?["changes"] as? [String] == ["6 layers of the form of 2014 (V1)"])
    let path = folder.url.appending(path: "new.caffemodel").path
    let (before, after) = (try WeightFile(path: old), try WeightFile(path: path))
    #expect(before.layers.map(\.name) == after.layers.map(\.name))
    #expect(before.layers.map(\.type) == after.layers.map(\.type))
    for (a, b) in zip(before.layers, after.layers) {
      #expect(a.blobs.map { $0.floats() } == b.blobs.map { $0.floats() })
      #expect(a.blobs.map(\.shape) == b.blobs.map(\.shape))
    }
    #expect(before.layers.contains { !$0.blobs.isEmpty })
    let net = try NetDescription.read(path).net
    #expect(net.has("layer") && !net.has("layers"))
  }

  @Test("A file that is there is replaced only by --force, also the file itself")
  func overwriting() throws {
    try folder.write("mine", "new.txt")
    let refused = try run("\(golden("v1_train")) new.txt")
    #expect(refused.status == 74)
    #expect(refused.errors.contains("--force") && refused.out.isEmpty)
    #expect(try folder.text("new.txt") == "mine")
    #expect(try run("\(golden("v1_train")) new.txt --force").status == 0)
    try folder.write("net: 'n' solver_type: SGD", "solver.txt")
    #expect(try run("solver.txt solver.txt --force").status == 0)
    #expect(try folder.text("solver.txt") == "net: \"n\"\ntype: \"SGD\"\n")
  }

  @Test("What has no meaning is refused, and nothing is written")
  func refused() throws {
    try folder.write("layers { type: RELU } layer { type: 'ReLU' }", "both.txt")
    try folder.write("layers { layer { type: 'convv' } }", "unknown.txt")
    try folder.write("", "empty.txt")
    for (name, code, word) in [
      ("both.txt", 65, "not both"), ("unknown.txt", 65, "did you mean 'conv'?"),
      ("empty.txt", 65, "is empty"), ("nowhere.txt", 66, "no such file"),
    ] as [(String, Int32, String)] {
      let result = try run("\(name) out.txt")
      #expect(result.status == code && result.errors.contains(word), "\(result.errors)")
      #expect(!folder.exists("out.txt"))
    }
  }
}
