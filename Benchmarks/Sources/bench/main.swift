// Times training steps of a solver without its data base: netrun's own part of an iteration.
//
//     swift run -c release bench SOLVER [THREADS [STEPS]]
//
// Prints the median time of a step (forward, backward, update), of its passes, and each layer's. The time
// that all threads together have computed in a step stays nearly the same on a machine that others use too.
import Foundation
import NetRun

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func main() throws {
  let arguments = CommandLine.arguments
  guard arguments.count > 1 else {
    print("usage: bench SOLVER [THREADS [STEPS]]")
    exit(64)
  }
  let steps = arguments.count > 3 ? Int(arguments[3]) ?? 200 : 200
  var (message, _) = try SolverDescription.load(arguments[1])
  message.set("max_iter", int: steps)
  message.set("snapshot_prefix", string: NSTemporaryDirectory() + "bench/bench")
  message.set("snapshot_after_train", bool: false)
  for field in ["test_iter", "test_interval", "display", "snapshot"] { message.clear(field) }
  var options = Solver.Options()
  options.threads = arguments.count > 2 ? Int(arguments[2]) : nil
  var last = Date()
  var lastUsed = clock()
  var used: [Double] = []
  var times: [Double] = []
  options.observe = { event in
    guard case .step = event else { return }
    let now = Date()
    times.append(now.timeIntervalSince(last) * 1e3)
    last = now
    used.append(Double(clock() - lastUsed) / Double(CLOCKS_PER_SEC) * 1e3)
    lastUsed = clock()
  }
  let solver = try Solver(message, path: arguments[1], options: options)
  last = Date()
  lastUsed = clock()
  _ = try solver.solve()
  print(
    String(
      format: "step: median %.3f ms, best %.3f ms, computing %.3f ms, %d threads, BLAS core %@",
      median(times), times.min() ?? 0, median(used), solver.threads, BLAS.coreName))
  let timing = try solver.trainNet.timing(iterations: min(100, steps))
  print(
    String(format: "forward %.3f ms, backward %.3f ms", timing.forward * 1e3, timing.backward * 1e3)
  )
  for layer in timing.layers where layer.forward + layer.backward > 1e-5 {
    let node = solver.trainNet.nodes[layer.layer]
    print(
      String(
        format: "  %-12@ %8.3f %8.3f", node.name as NSString, layer.forward * 1e3,
        layer.backward * 1e3))
  }
}

do { try main() } catch let error as Diagnostics {
  for diagnostic in error.all { print(diagnostic.message) }
  exit(1)
}
