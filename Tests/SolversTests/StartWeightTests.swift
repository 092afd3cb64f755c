import Compute
import Foundation
import Layers
import Nets
import Schema
import Testing

@testable import Solvers

@Suite("Weights to start from")
struct StartWeightTests {
  private static let base = "base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 "

  /// Writes the weights of the usual net, drawn with another seed, and returns them.
  private func write(_ path: String, seed: UInt64, net: String = Training.net) throws -> [[Float]] {
    let solver = try Training.solver(Self.base, net: net, seed: seed)
    try solver.trainNet.writeWeights(to: path)
    return solver.trainNet.parameters.map(\.blob.array)
  }

  @Test("Of the solver file, of options in their place, later files over earlier ones")
  func order() throws {
    let scratch = try Scratch()
    let (a, b) = ("\(scratch.path)/a.caffemodel", "\(scratch.path)/b.caffemodel")
    let weights = [try write(a, seed: 11), try write(b, seed: 12)]
    #expect(weights[0] != weights[1])
    func started(_ text: String, _ given: [String] = []) throws -> [[Float]] {
      let solver = try Training.solver(Self.base + text) { $0.weights = given }
      return solver.trainNet.parameters.map(\.blob.array)
    }
    #expect(try started("weights: '\(a)'") == weights[0])
    #expect(try started("weights: '\(a), \(b)'") == weights[1])
    #expect(try started("weights: '\(b)' weights: '\(a)'") == weights[0])
    #expect(try started("weights: '\(a)'", [b]) == weights[1])
  }

  @Test("A snapshot's weights win over those of the solver file")
  func snapshot() throws {
    let scratch = try Scratch()
    _ = try Training.solver(Self.base, in: scratch).solve()
    let trained = try WeightFile(path: "\(scratch.path)/snap_iter_1.caffemodel").layers
      .flatMap(\.blobs).map { $0.floats() }
    let other = "\(scratch.path)/other.caffemodel"
    _ = try write(other, seed: 11)
    let solver = try Training.solver(Self.base + "weights: '\(other)'", in: scratch) {
      $0.snapshot = .automatic
    }
    #expect(solver.trainNet.parameters.map(\.blob.array) == trained)
  }

  @Test("Layers that only a test net has take theirs from the file too")
  func testOnly() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/all.caffemodel"
    let extra = """

      layer { name: 'extra' type: 'InnerProduct' bottom: 'z' top: 'e'
        inner_product_param { num_output: 2 weight_filler { type: 'xavier' } } RULE }
      """
    let weights = try write(
      path, seed: 11, net: Training.net + extra.replacing("RULE", with: ""))
    let solver = try Training.solver(
      Self.base + "test_interval: 1 test_iter: 1 weights: '\(path)'",
      net: Training.net + extra.replacing("RULE", with: "include { phase: TEST }"))
    let tested = try #require(solver.testNets.first?.node("extra")).layer.parameters.map(\.array)
    #expect(tested == Array(weights.suffix(2)))
    #expect(solver.trainNet.parameters.map(\.blob.array) == Array(weights.prefix(4)))
  }

  @Test("A file that is not there")
  func missing() {
    let found = Training.refused {
      _ = try Training.solver(Self.base + "weights: 'nowhere.caffemodel'")
    }
    #expect(found.count == 1)
    #expect(found.first?.contains("no such file") == true, "\(found)")
  }
}
