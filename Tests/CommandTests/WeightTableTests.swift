import Foundation
import Testing

@testable import netrun

@Suite("Weights that training begins with")
struct WeightTableTests {
  private let folder: TemporaryFolder

  private static func net(_ last: String, _ outputs: Int) -> String {
    """
    layer { name: "in" type: "DummyData" top: "data" top: "label"
      dummy_data_param { shape { dim: 8 dim: 6 } shape { dim: 8 }
        data_filler { type: "gaussian" } data_filler { value: 1 } } }
    layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
      inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
    layer { name: "\(last)" type: "InnerProduct" bottom: "ip1" top: "ip2"
      inner_product_param { num_output: \(outputs) weight_filler { type: "xavier" } } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
    """
  }

  init() throws {
    folder = try TemporaryFolder()
    for (name, last, outputs) in [("old", "ip2", 3), ("new", "ip2_fine", 7), ("other", "x", 3)] {
      var net = Self.net(last, outputs)
      if name == "other" { net = net.replacing("\"ip1\" type", with: "\"y\" type") }
      try folder.write(net, "\(name).txt")
      try folder.write(
        "net: '\(name).txt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 2 snapshot_prefix: '\(name)'",
        "\(name)_solver.txt")
    }
  }

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run(arguments, in: folder.url)
  }

  @Test("A table tells which layers took weights, which are fresh, and which were skipped")
  func fineTuning() throws {
    #expect(try run("train old_solver.txt --log quiet").status == 0)
    let result = try run(
      "train new_solver.txt --log human --weights old_iter_2.caffemodel")
    #expect(result.status == 0, "\(result.errors)")
    let wanted = """
      weights from old_iter_2.caffemodel
      layer     parameters  weights
      ip1               35  loaded
      ip2_fine          42  fresh: only in the net
      ip2                –  skipped: only in the file
      ───────────────────────────────────────────────
      loaded            35  1 loaded, 1 fresh, 1 skipped

      """
    for line in wanted.split(separator: "\n") where !line.hasPrefix("─") {
      #expect(result.out.contains("\(line)\n"), "\(line)")
    }
  }

  @Test("A run that goes on shows no table: its weights are its own")
  func resumed() throws {
    #expect(try run("train old_solver.txt --log quiet").status == 0)
    let result = try run("train old_solver.txt --log human --snapshot auto")
    #expect(result.status == 0)
    #expect(!result.out.contains("weights from"))
    #expect(result.out.contains("going on from old_iter_2.solverstate"))
  }

  @Test("Weights of which nothing fits are an error that names layers of both")
  func nothing() throws {
    #expect(try run("train old_solver.txt --log quiet").status == 0)
    let result = try run("train other_solver.txt --weights old_iter_2.caffemodel")
    #expect(result.status == 65)
    #expect(result.errors.contains("no layer of the file is in the net"))
    #expect(result.errors.contains("'ip1', 'ip2'") && result.errors.contains("'y', 'x'"))
  }

  @Test("Fine-tuning trains layers anew whose shapes differ, and says so")
  func fineTuningShapes() throws {
    #expect(try run("train old_solver.txt --log quiet").status == 0)
    try folder.write(Self.net("ip2", 7), "wide.txt")
    try folder.write(
      "net: 'wide.txt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 2 snapshot_prefix: 'wide'",
      "wide_solver.txt")
    let refused = try run("train wide_solver.txt --weights old_iter_2.caffemodel")
    #expect(refused.status == 65 && refused.errors.contains("--finetune"))
    let result = try run(
      "train wide_solver.txt --log human --weights old_iter_2.caffemodel --finetune")
    #expect(result.status == 0, "\(result.errors)")
    for line in [
      "ip1             35  loaded",
      "ip2             42  skipped (shape), fresh: 3×5 in the file, 7×5 in the net",
      "loaded          35  1 loaded, 1 fresh, 1 skipped",
    ] { #expect(result.out.contains("\(line)\n"), "\(result.out)") }
    let caffe = try run("train wide_solver.txt --weights old_iter_2.caffemodel --finetune")
    #expect(caffe.errors.contains("] Layer ip2 is trained anew: 3×5 in the file, 7×5 in the net"))
  }

  @Test("Fine-tuning needs weights, of which something fits")
  func fineTuningNothing() throws {
    #expect(try run("train old_solver.txt --log quiet").status == 0)
    #expect(try run("train old_solver.txt --finetune").status == 64)
    #expect(try run("train old_solver.txt --finetune --resume auto").status == 64)
    let net = Self.net("ip2", 7).replacing("num_output: 5", with: "num_output: 6")
    try folder.write(net, "strange.txt")
    try folder.write(
      "net: 'strange.txt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 2 snapshot_prefix: 'strange'",
      "strange_solver.txt")
    let result = try run("train strange_solver.txt --weights old_iter_2.caffemodel --finetune")
    #expect(result.status == 65)
    #expect(result.errors.contains("no layer of the file fits the net"), "\(result.errors)")
    #expect(result.errors.contains("layer 'ip1': 5×6 in the file, 6×6 in the net"))
  }
}
