import ArgumentParser
import Glibc
import Prototxt

/// What is shown of the work.
enum LogStyle: String, ExpressibleByArgument, CaseIterable {
  /// For people on a terminal, Caffe's lines in a pipe.
  case auto
  /// For people.
  case human
  /// Caffe's lines.
  case caffe
  /// Nothing but errors.
  case quiet
}

/// The state that the rules of layers are matched against, and the threads.
struct StateOptions: ParsableArguments {
  @Option(help: "The level that rules with min_level and max_level are matched against.")
  var level: Int?

  @Option(help: "Stages that rules are matched against, separated by commas.")
  var stage: [String] = []

  @Option(help: "How many threads compute; results do not depend on it.")
  var threads: Int?

  /// The stages, one each.
  var stages: [String] {
    stage.flatMap { $0.split(separator: ",").map(String.init) }
  }

  mutating func validate() throws {
    if let threads, threads < 1 || threads > 1024 {
      throw ValidationError("--threads must be from 1 to 1024.")
    }
    if let level, Int32(exactly: level) == nil {
      throw ValidationError("--level must be a number of 32 bits.")
    }
  }
}

/// A file that is given by its place, as we do, or by an option, as Caffe does.
enum Operand {
  /// The one file that was given.
  ///
  /// - Throws: a diagnostic if there is none, or if there are two.
  static func one(
    _ argument: String?, _ option: String?, option name: String, what: String, command: String
  ) throws(Diagnostic) -> String {
    if let argument, let option {
      throw .error(
        "\(what) is given twice: '\(argument)' and '\(name) \(option)'", help: "give it once",
        kind: .usage)
    }
    guard let path = argument ?? option, !path.isEmpty else {
      throw .error(
        "\(what) is missing", help: "netrun \(command) FILE; see netrun \(command) --help",
        kind: .usage)
    }
    return path
  }

  /// Several files, separated by commas, unless a file's own name has commas.
  static func list(_ texts: [String]) -> [String] {
    texts.flatMap { text in
      FilePath.exists(text)
        ? [text] : text.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }
  }
}
