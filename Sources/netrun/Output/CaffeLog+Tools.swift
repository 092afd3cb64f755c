import Layers
import Nets
import Schema
import Solvers

extension CaffeLog {
  /// A net's state as Caffe's tools print it: they set the level, and a stage even if there is none.
  static func state(_ net: Net) -> Message {
    var state = Message("NetState")
    state.set("phase", enum: net.state.phase.rawValue)
    state.set("level", int: net.state.level)
    for stage in net.state.stages.isEmpty ? [""] : net.state.stages {
      state.append("stage", .string(stage))
    }
    return state
  }

  /// Logs the lines of `caffe time`.
  func logTiming(_ net: Net, _ timing: NetTiming, iterations: Int) {
    func ms(_ seconds: Double) -> String { Numbers.general(seconds * 1000) }
    log("caffe.cpp:351", "Performing Forward")
    log("caffe.cpp:356", "Initial loss: \(Numbers.general(timing.initialLoss))")
    log("caffe.cpp:357", "Performing Backward")
    log("caffe.cpp:365", "*** Benchmark begins ***")
    log("caffe.cpp:366", "Testing for \(iterations) iterations.")
    for (index, seconds) in timing.passes.enumerated() {
      log(
        "caffe.cpp:394", "Iteration: \(index + 1) forward-backward time: \(ms(seconds)) ms.")
    }
    log("caffe.cpp:397", "Average time per layer: ")
    for line in timing.layers {
      let name = net.nodes[line.layer].name
      let title = String(repeating: " ", count: max(0, 10 - name.count)) + name
      log("caffe.cpp:400", "\(title)\tforward: \(ms(line.forward)) ms.")
      log("caffe.cpp:403", "\(title)\tbackward: \(ms(line.backward)) ms.")
    }
    let both = timing.forward + timing.backward
    log("caffe.cpp:408", "Average Forward pass: \(ms(timing.forward)) ms.")
    log("caffe.cpp:410", "Average Backward pass: \(ms(timing.backward)) ms.")
    log("caffe.cpp:412", "Average Forward-Backward: \(ms(both)) ms.")
    log("caffe.cpp:414", "Total Time: \(ms(timing.passes.reduce(0, +))) ms.")
    log("caffe.cpp:415", "*** Benchmark ends ***")
  }

  /// Logs the lines of `caffe test` for one batch.
  func logBatch(_ batch: Int, _ outputs: [OutputValue]) {
    for output in outputs {
      log("caffe.cpp:304", "Batch \(batch), \(output.name) = \(Numbers.general(output.value))")
    }
  }

  /// Logs the last lines of `caffe test`.
  func logScores(_ means: [OutputValue], loss: Float) {
    log("caffe.cpp:309", "Loss: \(Numbers.general(loss))")
    for mean in means {
      log("caffe.cpp:321", CaffeLog.output(mean.name, mean.value, lossWeight: mean.lossWeight))
    }
  }
}
