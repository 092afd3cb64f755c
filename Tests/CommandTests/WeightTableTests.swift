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
}
