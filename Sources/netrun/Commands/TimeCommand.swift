import ArgumentParser
import Compute
import Layers
import Nets
import Prototxt

/// Times the layers of a net.
struct TimeCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "time",
    abstract: "Time each layer of a net, forward and backward.",
    discussion: """
      Shows medians over the iterations, after one pass to warm up, and how near each layer comes \
      to the fastest matrix product that this machine can do. Weights are not needed.

      Examples:
        netrun time model.txt
        netrun time model.txt --phase TEST --forward-only --threads 1
        netrun time -model model.prototxt -iterations 20
      """)

  @Argument(help: "The net, a text file.")
  var file: String?

  @Option(help: ArgumentHelp("The net, as Caffe gives it.", valueName: "file"))
  var model: String?

  @Option(help: "How many passes to measure.")
  var iterations = 50

  @Option(help: "TRAIN or TEST: which of the net's layers take part.")
  var phase = "TRAIN"

  @OptionGroup var state: StateOptions

  @Flag(help: "Leave the backward pass out.")
  var forwardOnly = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(help: "auto, human, caffe or quiet: 'caffe' logs Caffe's own lines.")
  var log: LogStyle = .auto

  mutating func validate() throws {
    if iterations < 1 { throw ValidationError("--iterations must be 1 or more.") }
    if Phase(rawValue: phase.uppercased()) == nil {
      throw ValidationError("--phase must be TRAIN or TEST, not '\(phase)'.")
    }
  }

  mutating func run(_ console: Console) throws {
    let path = try Operand.one(file, model, option: "--model", what: "the net", command: "time")
    let phase = Phase(rawValue: phase.uppercased()) ?? .train
    let loading = NetLoading(
      path: path, phase: phase, level: state.level ?? 0, stages: state.stages,
      threads: state.threads, runsBackward: !forwardOnly)
    let net = try loading.build("time", console)
    if log == .caffe {
      let log = CaffeLog(console.chatter)
      log.log("caffe.cpp:343", "Use CPU.")
      log.logBuilding(of: net, state: CaffeLog.state(net))
      let timing = try net.timing(iterations: iterations, forwardOnly: forwardOnly)
      log.logTiming(net, timing, iterations: iterations)
      return
    }
    // Before and after, since other programs may disturb either.
    let threads = net.context.workers.count
    let before = MatrixSpeed.measure(threads: threads, seconds: 0.2)
    let timing = try net.timing(iterations: iterations, forwardOnly: forwardOnly)
    let peak = max(before, MatrixSpeed.measure(threads: threads, seconds: 0.2))
    let report = TimingReport(net, timing, peak: peak, forwardOnly: forwardOnly)
    if json {
      console.print(report.json(path, iterations: iterations).indented())
    } else if log != .quiet {
      console.out.write(report.rendered(console.outStyle, width: console.outTerminal?.width))
    }
  }
}
