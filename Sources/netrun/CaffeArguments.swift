/// Turns a command line of Caffe's own program into one of ours, before it is parsed.
///
/// Caffe writes its options with one dash or two, with `=` or a space before the value, with
/// underscores, anywhere on the line, and takes options that the command does not use without a
/// word. What is of our own form passes unchanged.
struct CaffeArguments {
  /// The arguments in our form.
  private(set) var arguments: [String] = []
  /// What was given and has no effect here, a sentence each.
  private(set) var notes: [String] = []

  /// Caffe's options, all of which take a value, and the commands that use them.
  static let options: [String: Set<String>] = [
    "solver": ["train"], "model": ["test", "time"], "weights": ["train", "test", "time"],
    "snapshot": ["train"], "iterations": ["test", "time"], "phase": ["time"],
    "level": ["train", "test", "time"], "stage": ["train", "test", "time"],
    "gpu": [], "sigint-effect": ["train"], "sighup-effect": ["train"],
  ]

  /// Our own options that take a value: one dash does for them too.
  static let ownOptions: Set<String> = [
    "threads", "seed", "log", "sigterm-effect", "shape", "resume", "epochs", "max-time", "best-by",
    "patience", "keep", "generate-completion-script",
  ]
  /// Our own options without a value.
  static let ownFlags: Set<String> = [
    "version", "help", "force", "forward-only", "json", "allow-nonfinite", "finetune", "shuffle",
  ]
  /// Options of the libraries under Caffe that say how to log.
  static let loggingOptions: Set<String> = [
    "log-dir", "minloglevel", "v", "vmodule", "stderrthreshold", "max-log-size", "logbuflevel",
    "logbufsecs", "log-link",
  ]
  static let loggingFlags: Set<String> = [
    "logtostderr", "alsologtostderr", "colorlogtostderr", "log-prefix",
    "stop-logging-if-full-disk",
  ]

  /// Reads the arguments behind the program's name.
  init(_ given: [String]) {
    var rest = given[...]
    var positional: [String] = []
    var options: [Option] = []
    var tail: [String] = []
    while let argument = rest.popFirst() {
      if argument == "--" {
        tail = [argument] + rest
        break
      }
      guard let option = Option(argument, &rest) else {
        positional.append(argument)
        // Options keep their places among the other arguments, so that messages make sense.
        options.append(Option(raw: argument))
        continue
      }
      options.append(option)
    }
    let command = positional.first
    if let command { arguments.append(CaffeArguments.commandName(command)) }
    var hasSkippedCommand = false
    for option in options {
      if option.name.isEmpty, option.raw == command, !hasSkippedCommand {
        hasSkippedCommand = true
        continue
      }
      add(option, to: command)
    }
    arguments += tail
  }

  private static func commandName(_ word: String) -> String {
    word == "device_query" ? "device-query" : word
  }

  private mutating func add(_ option: Option, to command: String?) {
    switch option.kind {
    case .logging:
      note(
        "'\(option.raw)' is an option of Caffe's log and has no effect; '--log' says what to show")
    case .caffe where option.name == "gpu":
      note("there is no GPU support, so '\(option.raw)' has no effect: the CPU computes")
    case .caffe:
      let users = CaffeArguments.options[option.name] ?? []
      let isCaffeCommand = command.map { ["train", "test", "time", "device_query"].contains($0) }
      if isCaffeCommand == true, let command, !users.contains(command) {
        note("'\(option.raw)' has no meaning for '\(command)' and is ignored")
      } else {
        arguments.append(option.joined)
      }
    case .own, .other: arguments.append(option.joined)
    }
  }

  private mutating func note(_ text: String) {
    if !notes.contains(text) { notes.append(text) }
  }
}

/// One option as it was written.
private struct Option {
  enum Kind {
    case caffe, own, logging, other
  }

  /// As it was written, with its value.
  let raw: String
  /// The name without dashes, underscores made dashes; empty if it is no option that we know.
  let name: String
  /// In our form.
  let joined: String
  let kind: Kind

  /// What is no option, or none that we know.
  init(raw: String) {
    self.init(raw: raw, name: "", joined: raw, kind: .other)
  }

  private init(raw: String, name: String, joined: String, kind: Kind) {
    (self.raw, self.name, self.joined, self.kind) = (raw, name, joined, kind)
  }

  /// Reads an option and, if it takes one, its value; `nil` if the argument is none.
  init?(_ argument: String, _ rest: inout ArraySlice<String>) {
    guard argument.hasPrefix("-"), argument.count > 1 else { return nil }
    let body = argument.drop { $0 == "-" }
    guard argument.count - body.count <= 2, body.first?.isLetter == true else { return nil }
    let equals = body.firstIndex(of: "=")
    let word = body[..<(equals ?? body.endIndex)]
    let name = String(word.map { $0 == "_" ? "-" : $0 })
    guard let (kind, takesValue) = Option.known(name) else {
      self.init(raw: argument)
      return
    }
    var joined = "--\(name)"
    var raw = argument
    if let equals {
      joined += body[equals...]
    } else if takesValue, let value = rest.first, Option.isValue(value) {
      rest.removeFirst()
      joined += "=\(value)"
      raw += " \(value)"
    }
    self.init(raw: raw, name: name, joined: joined, kind: kind)
  }

  /// Whose option it is, and whether it takes a value.
  private static func known(_ name: String) -> (Kind, takesValue: Bool)? {
    if CaffeArguments.options[name] != nil { return (.caffe, true) }
    if CaffeArguments.ownOptions.contains(name) { return (.own, true) }
    if CaffeArguments.ownFlags.contains(name) { return (.own, false) }
    if CaffeArguments.loggingOptions.contains(name) { return (.logging, true) }
    let positive = name.hasPrefix("no") ? String(name.dropFirst(2)) : name
    let isFlag = [name, positive].contains(where: CaffeArguments.loggingFlags.contains)
    return isFlag ? (.logging, false) : nil
  }

  /// Whether an argument can be an option's value: a negative number may begin with a dash.
  private static func isValue(_ argument: String) -> Bool {
    !argument.hasPrefix("-") || argument == "-" || Double(argument) != nil
  }
}
