import Foundation
import Solvers
import Testing

@testable import netrun

@Suite("netrun lr-find and what train keeps")
struct RateSearchCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(
      """
      layer { name: "in" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 8 dim: 6 } shape { dim: 8 }
          data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 2 } } }
      layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
      layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc"
        include { phase: TEST } }
      layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
      """, "model.txt")
    try folder.write(
      """
      net: "model.txt" test_iter: 2 test_interval: 10 base_lr: 0.01 lr_policy: "fixed"
      momentum: 0.9 display: 5 max_iter: 40 snapshot: 10 snapshot_prefix: "out/tiny" random_seed: 1
      """, "solver.txt")
  }

  private func run(
    _ arguments: String, _ environment: [String: String] = ["LC_ALL": "C"]
  ) throws -> Program.Result {
    try Program.run(arguments, in: folder.url, environment: environment)
  }

  @Test("The search draws, proposes a rate, and writes what is asked for, but no snapshot")
  func search() throws {
    let plain = try run("lr-find solver.txt --iterations 40 --csv rates.csv")
    #expect(plain.status == 0, "\(plain.errors)")
    #expect(plain.out.contains("Try base_lr: ") && plain.out.contains(" in solver.txt"))
    #expect(plain.out.contains("1e-06") && plain.out.contains("*"))
    #expect(!plain.out.contains("⠉") && !plain.out.contains("│"))
    let lines = try folder.text("rates.csv").split(separator: "\n")
    #expect(lines.first == "rate,loss,smoothed_loss" && lines.count > 10)
    #expect(!folder.exists("out"))
    let drawn = try run("lr-find solver.txt --iterations 40", ["LC_ALL": "C.UTF-8"])
    #expect(drawn.out.contains("│") && drawn.out.contains("└"))
    let json = try run("lr-find solver.txt --iterations 40 --json")
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [String: Any])
    #expect((object["points"] as? [Any])?.count == lines.count - 1)
    #expect(object["suggested_rate"] is Double && object["base_lr"] as? Double == 0.01)
  }

  @Test(
    "Wrong usage of the options is told",
    arguments: [
      ("lr-find", 64), ("lr-find nowhere.txt", 66), ("lr-find model.txt", 65),
      ("lr-find solver.txt --from 1 --to 0.1", 64), ("lr-find solver.txt --iterations 3", 64),
      ("train solver.txt --patience 3", 64), ("train solver.txt --best-by acc", 64),
      ("train solver.txt --best-by ac:max", 65), ("train solver.txt --keep 0", 64),
      ("train solver.txt --max-time 5", 64), ("train solver.txt --epochs 0", 64),
      ("train solver.txt --epochs 3", 65),
    ] as [(String, Int32)])
  func usage(arguments: String, code: Int32) throws {
    let result = try run(arguments)
    #expect(result.status == code, "\(result.errors)")
    #expect(result.errors.lowercased().contains("error: "))
  }

  @Test("The end tells scores, the best of them, files, and what to run next")
  func summary() throws {
    let result = try run("train solver.txt --log human --best-by loss:min --keep 1")
    #expect(result.status == 0, "\(result.errors)")
    for text in [
      "  best so far", "\ntest  iteration 40", "  at iteration\n", "\nout/tiny_best.caffemodel  ",
      "\nout/tiny_iter_40.netrunstate  ", "\nout/tiny.metrics.jsonl  ",
      "\nnext: netrun test model.txt --weights out/tiny_best.caffemodel\n",
    ] { #expect(result.out.contains(text), "\(text): \(result.out)") }
    #expect(!folder.exists("out/tiny_iter_30.caffemodel"))
    #expect(try folder.text("out/tiny.metrics.jsonl").contains("\"best\": \"loss\""))
    let again = try run("train solver.txt --resume auto --log human --best-by loss:min")
    #expect(again.status == 0 && again.out.contains("going on from out/tiny_iter_40.solverstate"))
    let tested = try run("test model.txt --weights out/tiny_best.caffemodel --iterations 1")
    #expect(tested.status == 0)
  }

  @Test("A run without state begins anew, and says so")
  func fresh() throws {
    let result = try run("train solver.txt --resume auto")
    #expect(result.status == 0)
    #expect(result.errors.contains("no out/tiny_iter_N.solverstate: the run begins anew"))
  }

  @Test("A chart has its lowest loss at the bottom, its highest at the top, and points at a rate")
  func chart() {
    let chart = RateChart(
      points: [(0.001, 4), (0.01, 2), (0.1, 0), (1, 100)], top: 4, mark: 0.01, isUTF8: false)
    let lines = chart.rendered(width: 42, height: 5).split(separator: "\n").map(String.init)
    #expect(lines.count == 8)
    #expect(lines[0].hasPrefix("     4.00 |*") && lines[0].hasSuffix("*"))
    #expect(lines[4].hasPrefix("        0 |"))
    #expect(lines[5] == "          " + "+" + "+---------+---------+---------+".prefix(31))
    #expect(lines[6] == "           0.001     0.01      0.1       1")
    #expect(lines[7] == "           " + String(repeating: " ", count: 10) + "^")
    let flat = RateChart(points: [(1, 2), (10, 2)], top: 2, mark: nil, isUTF8: true)
    #expect(flat.rendered(width: 30, height: 3).contains("⣀"))
    #expect(RateChart(points: [(1, 2)], top: 2, mark: nil, isUTF8: true).rendered(width: 30) == "")
  }
}
