import Prototxt
import Schema
import TestSupport
import Testing

@testable import Solvers

@Suite("What is wrong with a solver")
struct SettingsTests {
  /// Expects the messages at the places of the marks.
  private func expect(
    _ marked: String, _ messages: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let marked = MarkedText(marked)
    var found: [Diagnostic] = []
    do {
      _ = try Solver(try Training.message(marked.text), path: nil, options: Solver.Options())
    } catch let error as Diagnostics {
      found = error.all
    } catch {
      Issue.record(error, sourceLocation: sourceLocation)
    }
    #expect(found.map(Training.told) == messages, sourceLocation: sourceLocation)
    #expect(
      found.compactMap { $0.location?.start } == marked.offsets, sourceLocation: sourceLocation)
  }

  private let needed = "base_lr: 0.1 max_iter: 10 lr_policy: 'fixed' "
  private let net = "net_param { layer { name: 'd' type: 'Input' top: 'x' } } "

  @Test("What every solver must say")
  func missing() {
    expect(
      net, "the solver has no base_lr: a learning rate | add base_lr: …",
      "the solver has no max_iter: how long to train | add max_iter: …",
      "the solver has no lr_policy: how the rate falls | add lr_policy: \"fixed\"")
  }

  @Test("Values out of range, all at once")
  func ranges() {
    expect(
      net + "base_lr: 0.1 lr_policy: 'fixed' max_iter: 1️⃣-1 iter_size: 2️⃣0 display: 3️⃣-5 "
        + "average_loss: 4️⃣0 snapshot: 5️⃣-1 regularization_type: 6️⃣'L3' type: 7️⃣'Adm'",
      "max_iter is -1, but must be 0 or more", "iter_size is 0, but must be 1 or more",
      "display is -5, but must be 0 or more", "average_loss is 0, but must be 1 or more",
      "snapshot is -1, but must be 0 or more",
      "unknown regularization_type 'L3' | did you mean 'L1'? | known are L1, L2",
      "unknown type 'Adm' | did you mean 'Adam'? | known are SGD, Nesterov, AdaGrad, RMSProp, "
        + "AdaDelta, Adam, AdamW")
  }

  @Test("Rules that take no momentum, or only some")
  func momentum() {
    expect(
      net + needed + "type: 'AdaGrad' momentum: 1️⃣0.9",
      "AdaGrad cannot be used with momentum | leave momentum out")
    expect(
      net + needed + "type: 'RMSProp' rms_decay: 1️⃣1",
      "rms_decay is 1.0, but must be at least 0 and below 1 for RMSProp")
    expect(
      net + needed + "type: 'Adam' momentum: 1️⃣1 momentum2: 2️⃣1",
      "momentum is 1.0, but must be at least 0 and below 1 for Adam",
      "momentum2 is 1.0, but must be at least 0 and below 1 for Adam")
  }

  @Test("Which net is to be trained")
  func trainNets() {
    expect(needed, "the solver names no net to train | add net: \"model.txt\"")
    expect(
      needed + net + "train_net: 1️⃣'x'",
      "the solver names 2 nets to train: net_param, train_net | the first is here | keep one of them"
    )
    expect(
      needed + "net: 1️⃣'nowhere/net.txt'",
      "the net 'nowhere/net.txt' is not there | looked for nowhere/net.txt")
  }

  @Test("Test nets, test_iter, test_interval and test_state belong together")
  func tests() {
    expect(
      needed + net + "test_iter: 1️⃣3",
      "there are test nets, but no test_interval | "
        + "add test_interval: the iterations between two tests")
    expect(
      needed + net + "test_interval: 5 test_iter: 1️⃣0",
      "test_iter is 0, but must be 1 or more")
    expect(
      needed + "test_interval: 5 train_net_param { } test_iter: 1️⃣3",
      "test_iter is given once, but there are no test nets | give test_iter once for each test net")
    expect(
      needed + net + "test_interval: 5 test_net_param { } test_net_param { } test_iter: 1️⃣4",
      "test_iter is given once, but there are 2 test nets | give test_iter once for each test net")
    expect(
      needed + net + "test_interval: 5 test_iter: 4 1️⃣test_state { } test_state { }",
      "test_state is given twice, but there is 1 test net | "
        + "give it once for each test net, or not at all")
  }

  @Test("Mistakes of fields, of nets named and of tests come together")
  func together() {
    expect(
      "base_lr: 1️⃣-1 max_iter: 10 lr_policy: 'fixed' net: 2️⃣'nowhere.txt' test_iter: 3️⃣1",
      "base_lr is -1.0, but must be 0 or more",
      "the net 'nowhere.txt' is not there | looked for nowhere.txt",
      "there are test nets, but no test_interval | "
        + "add test_interval: the iterations between two tests")
  }

  @Test("What is wrong with a net that is trained and tested is told once")
  func netErrors() {
    expect(
      needed + "test_interval: 5 test_iter: 1 net_param { layer { name: 'r' type: 'ReLU' "
        + "bottom: 1️⃣'x' top: 'y' } }",
      "layer 'r' (ReLU): unknown bottom 'x' | no layer above produces it")
  }

  @Test("Weights and a snapshot cannot both be given")
  func weightsAndSnapshot() throws {
    let found = Training.refused {
      _ = try Training.solver(needed) {
        $0.weights = ["w"]
        $0.snapshot = .file("s")
      }
    }
    #expect(
      found == ["weights and a snapshot cannot both be given | a snapshot brings its own weights"])
  }
}
