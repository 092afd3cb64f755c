import Foundation
import Prototxt
import Testing

@testable import Solvers

@Suite("Runs that cannot go on")
struct GuardTests {
  private func solve(
    _ text: String, net: String = Training.net, in scratch: Scratch? = nil, goesOn: Bool = false,
    log: SolverLog? = nil
  ) -> [Diagnostic] {
    do {
      let base = text.contains("base_lr") ? "" : "base_lr: 0.1 "
      let end = scratch == nil ? " snapshot_after_train: false" : ""
      let solver = try Training.solver(
        "\(base)lr_policy: 'fixed' \(text)\(end)", net: net, in: scratch, log: log
      ) { $0.allowsNonFinite = goesOn }
      _ = try solver.solve()
      return []
    } catch let error as Diagnostics {
      return error.all
    } catch let error as Diagnostic {
      return [error]
    } catch {
      return [.error("\(error)")]
    }
  }

  private let advice =
    "most often the rate is too high (base_lr) or the input is not scaled; clip_gradients limits "
    + "jumps; --allow-nonfinite goes on all the same"

  @Test("A loss that is not finite: where it began, and the last good snapshot")
  func loss() throws {
    let scratch = try Scratch()
    let text = "base_lr: 1e30 max_iter: 9 snapshot: 1"
    let found = solve(text, in: scratch)
    #expect(found.map(\.kind) == [.runFailed])
    let told = found.map(Training.told).first ?? ""
    #expect(told.hasPrefix("the loss is "), "\(told)")
    #expect(told.contains(" of layer 'ip"))
    #expect(told.contains("| the last good snapshot is \(scratch.path)/snap_iter_"))
    #expect(told.hasSuffix(advice))
    #expect(solve(text, in: try Scratch(), goesOn: true).isEmpty)
  }

  @Test("The first snapshot is not there yet")
  func noSnapshot() {
    let net = """
      layer { name: 'x' type: 'DummyData' top: 'x'
        dummy_data_param { shape { dim: 2 dim: 2 } data_filler { value: 1e38 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' loss_weight: 1
        inner_product_param { num_output: 1 weight_filler { value: 1e10 } } }
      """
    #expect(
      solve("max_iter: 9", net: net).map(Training.told) == [
        "the loss is inf in iteration 0: the first value that is not finite is in blob 'y' of layer "
          + "'ip' | there is no snapshot yet | \(advice)"
      ])
  }

  @Test("A gradient that is not finite under a loss that is")
  func gradient() {
    let net = """
      layer { name: 'x' type: 'DummyData' top: 'x'
        dummy_data_param { shape { dim: 2 dim: 2 } data_filler { value: 1 } } }
      layer { name: 'ip1' type: 'InnerProduct' bottom: 'x' top: 'y' inner_product_param { num_output: 2 } }
      layer { name: 'ip2' type: 'InnerProduct' bottom: 'y' top: 'z' loss_weight: 1e10
        inner_product_param { num_output: 1 weight_filler { value: 1e30 } } }
      """
    let text = "max_iter: 9 display: 1"
    #expect(
      solve(text, net: net).map(Training.told) == [
        "a gradient is not finite in iteration 0: the first gradient that is not finite is in blob "
          + "'y' of layer 'ip2' | there is no snapshot yet | \(advice)"
      ])
    #expect(solve(text, net: net, goesOn: true).isEmpty)
  }

  @Test("A snapshot of what is not finite is never called good")
  func goodSnapshots() throws {
    // The weights are lost in the update of iteration 0, so there is nothing to keep of it.
    let net = """
      layer { name: 'x' type: 'DummyData' top: 'x'
        dummy_data_param { shape { dim: 2 dim: 2 } data_filler { value: 1e5 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y' loss_weight: 1
        inner_product_param { num_output: 1 } }
      """
    let scratch = try Scratch()
    let text = "base_lr: 1e38 max_iter: 9 snapshot: 1"
    #expect(
      solve(text, net: net, in: scratch).map(Training.told) == [
        "a weight is not finite before iteration 1: the first value that is not finite is in blob "
          + "'param 0' of layer 'ip' | there is no snapshot yet | \(advice)"
      ])
    #expect(try scratch.files.isEmpty)
    #expect(solve(text, net: net, in: scratch, goesOn: true).isEmpty)
    #expect(try scratch.files.count == 27)
  }

  @Test("A label that names no class")
  func label() {
    let net = Training.net.replacing("min: 0 max: 2.99", with: "min: 7 max: 7.5")
    let found = solve("max_iter: 3", net: net)
    #expect(found.count == 1)
    #expect(found.first?.kind == .badInput)
    let told = found.map(Training.told).first ?? ""
    #expect(told.contains("layer 'loss' (SoftmaxWithLoss)"), "\(told)")
    #expect(told.contains("7") && told.contains("3 classes"), "\(told)")
  }

  @Test("A folder for snapshots that cannot be: told before the first iteration")
  func folder() throws {
    let log = SolverLog()
    let text =
      "base_lr: 0.1 lr_policy: 'fixed' max_iter: 3 snapshot_prefix: '/dev/null/deep/snap' "
    let found = Training.refused { _ = try Training.solver(text, log: log).solve() }
    #expect(
      found == [
        "snapshots cannot be written to the folder '/dev/null/deep': Not a directory | "
          + "snapshot_prefix is '/dev/null/deep/snap'; give one in a folder that can be written"
      ])
    #expect(log.losses.isEmpty)
    // Nobody asks for the folder if no snapshot is to be written.
    #expect(try Training.solver(text + "snapshot_after_train: false").solve() == .finished)
  }

  @Test("A folder for snapshots that is not there is made")
  func newFolder() throws {
    let scratch = try Scratch()
    let text =
      "base_lr: 0.1 lr_policy: 'fixed' max_iter: 1 snapshot_prefix: '\(scratch.path)/a/b/snap'"
    _ = try Training.solver(text).solve()
    #expect(FileManager.default.fileExists(atPath: "\(scratch.path)/a/b/snap_iter_1.solverstate"))
  }

  @Test("A disk that is full")
  func fullDisk() throws {
    let scratch = try Scratch()
    try FileManager.default.createSymbolicLink(
      atPath: "\(scratch.path)/snap_iter_2.caffemodel", withDestinationPath: "/dev/full")
    let found = solve("max_iter: 2 snapshot: 5", in: scratch)
    #expect(found.map(\.kind) == [.inputOutput])
    #expect(found.first?.path == "\(scratch.path)/snap_iter_2.caffemodel")
    #expect(found.first?.message.contains("No space left on device") == true, "\(found)")
    // No state may name weights that are not there.
    #expect(try scratch.files == ["snap_iter_2.caffemodel"])
  }

  @Test("A disk that is full for a while costs a snapshot, not the run")
  func fullDiskForAWhile() throws {
    let scratch = try Scratch()
    try FileManager.default.createSymbolicLink(
      atPath: "\(scratch.path)/snap_iter_2.caffemodel", withDestinationPath: "/dev/full")
    let log = SolverLog()
    var warnings: [String] = []
    log.onEvent = { event in
      if case .warning(let warning) = event { warnings.append(warning.message) }
    }
    #expect(solve("max_iter: 4 snapshot: 2", in: scratch, log: log).isEmpty)
    #expect(warnings.count == 1 && warnings[0].contains("No space left on device"), "\(warnings)")
    #expect(try scratch.files.contains("snap_iter_4.solverstate"))
    #expect(try !scratch.files.contains("snap_iter_2.solverstate"))
  }
}
