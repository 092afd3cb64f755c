import Prototxt

/// What a training run measured, from our metrics or from a log in Caffe's form.
struct RunLog {
  /// A number at an iteration.
  struct Point: Equatable {
    let iteration: Double
    /// Since the run began; not a number where nothing tells.
    let seconds: Double
    let value: Double
  }

  /// What a series measures.
  enum Kind: Hashable {
    /// The loss of training, smoothed as the solver smooths it.
    case loss
    /// The loss of training, of one batch.
    case batchLoss
    case testLoss
    case rate
    /// A share of what is right.
    case accuracy
    /// Another output of a net, by its name.
    case other(String)
  }

  /// Numbers of one sort, in the order of iterations.
  struct Series {
    let kind: Kind
    /// What it is called within the run: `test`, `train accuracy`.
    let name: String
    let isTest: Bool
    var points: [Point]
  }

  let path: String
  private(set) var series: [Series] = []
  private var places: [String: Int] = [:]

  /// Reads a file.
  ///
  /// - Throws: that it cannot be read, or tells of no training.
  init(path: String) throws(Diagnostic) {
    let bytes = try TextFile.bytes(path)
    self.init(path: path, text: String(decoding: bytes, as: UTF8.self))
    guard !series.isEmpty else {
      throw .error(
        bytes.isEmpty ? "is empty" : "tells of no training", path: path,
        help: "give a PREFIX.metrics.jsonl or .csv of netrun, or a log of Caffe's")
    }
  }

  /// Reads a text; of lines that make no sense, of a run that is going on for instance, nothing is said.
  init(path: String, text: String) {
    self.path = path
    let start = text.utf8.first { $0 > 0x20 }
    if start == UInt8(ascii: "{") {
      RunLog.readJSON(text, into: &self)
    } else if text.hasPrefix("kind,iteration,") {
      RunLog.readTable(text, into: &self)
    } else {
      RunLog.readCaffe(text, into: &self)
    }
    for index in series.indices { series[index].points = RunLog.ordered(series[index].points) }
  }

  /// Adds a number.
  mutating func add(_ kind: Kind, _ name: String, isTest: Bool, _ point: Point) {
    let key = "\(kind) \(name)"
    if let place = places[key] {
      series[place].points.append(point)
    } else {
      places[key] = series.count
      series.append(Series(kind: kind, name: name, isTest: isTest, points: [point]))
    }
  }

  /// Adds an output of a net; `net` is empty for the first test net.
  mutating func add(output name: String, isLoss: Bool, net: String, isTest: Bool, _ point: Point) {
    let phase = isTest ? "test\(net.isEmpty ? "" : " \(net)")" : "train"
    if RunLog.isAccuracy(name) {
      add(.accuracy, "\(phase) \(name)", isTest: isTest, point)
    } else if isLoss || name.contains("loss") {
      if isTest { add(.testLoss, "\(phase) \(name)", isTest: true, point) }
    } else {
      add(.other(name), phase, isTest: isTest, point)
    }
  }

  /// Whether an output's name tells that it is a share of what is right.
  static func isAccuracy(_ name: String) -> Bool {
    let name = name.lowercased()
    return ["acc", "top-1", "top-5", "top1", "top5", "top_1", "top_5"].contains {
      name.contains($0)
    }
  }

  /// Without what a resumed run did again: of two numbers at one iteration the later one counts.
  private static func ordered(_ points: [Point]) -> [Point] {
    var result: [Point] = []
    for point in points {
      while let last = result.last, last.iteration >= point.iteration { result.removeLast() }
      result.append(point)
    }
    return result
  }
}

// MARK: Our metrics

extension JSON {
  /// What was measured: a number, or what was none and so is written as null.
  fileprivate var measured: Double? {
    if case .null = self { .nan } else { number }
  }
}

extension RunLog {
  private static func readJSON(_ text: String, into log: inout RunLog) {
    for line in text.split(whereSeparator: \.isNewline) {
      guard let json = JSON(reading: line), let iteration = json["iteration"]?.number else {
        continue
      }
      let seconds = json["seconds"]?.number ?? .nan
      let isTest = json["kind"]?.stringValue == "test"
      func point(_ value: Double) -> Point {
        Point(iteration: iteration, seconds: seconds, value: value)
      }
      if !isTest {
        if let loss = json["loss"]?.measured {
          log.add(.batchLoss, "batch", isTest: false, point(loss))
        }
        if let loss = json["smoothed_loss"]?.measured {
          log.add(.loss, "train", isTest: false, point(loss))
        }
        if let rate = json["rate"]?.number { log.add(.rate, "", isTest: false, point(rate)) }
      }
      let number = json["net"]?.number.flatMap { Int(exactly: $0) } ?? 0
      let net = number == 0 ? "" : "#\(number)"
      if isTest, let loss = json["loss"]?.measured {
        log.add(.testLoss, "test\(net.isEmpty ? "" : " \(net)")", isTest: true, point(loss))
      }
      guard case .object(let outputs)? = json["outputs"] else { continue }
      for output in outputs {
        for (name, value) in values(output.name, output.value) where !isLoss(name) {
          log.add(output: name, isLoss: false, net: net, isTest: isTest, point(value))
        }
      }
    }
  }

  private static func isLoss(_ name: String) -> Bool { name.contains("loss") }

  /// The numbers of an output: one, or some with their places behind the name.
  private static func values(_ name: String, _ json: JSON) -> [(String, Double)] {
    if let number = json.measured { return [(name, number)] }
    guard case .array(let all) = json else { return [] }
    return all.enumerated().compactMap { index, value in
      value.measured.map { ("\(name)[\(index)]", $0) }
    }
  }

  private static func readTable(_ text: String, into log: inout RunLog) {
    let lines = text.split(whereSeparator: \.isNewline)
    guard let header = lines.first.map({ cells(String($0)) }) else { return }
    for line in lines.dropFirst() {
      let cells = cells(String(line))
      guard cells.count == header.count else { continue }
      let row = Dictionary(zip(header, cells), uniquingKeysWith: { first, _ in first })
      guard let iteration = row["iteration"].flatMap(Double.init) else { continue }
      let seconds = row["seconds"].flatMap(Double.init) ?? .nan
      let isTest = row["kind"] == "test"
      func point(_ value: Double) -> Point {
        Point(iteration: iteration, seconds: seconds, value: value)
      }
      let net = row["net"].flatMap { $0 == "0" || $0.isEmpty ? nil : "#\($0)" } ?? ""
      if let loss = row["loss"].flatMap(Double.init) {
        if isTest {
          log.add(.testLoss, "test\(net.isEmpty ? "" : " \(net)")", isTest: true, point(loss))
        } else {
          log.add(.batchLoss, "batch", isTest: false, point(loss))
        }
      }
      if let loss = row["smoothed_loss"].flatMap(Double.init) {
        log.add(.loss, "train", isTest: false, point(loss))
      }
      if let rate = row["rate"].flatMap(Double.init) {
        log.add(.rate, "", isTest: false, point(rate))
      }
      for (name, cell) in zip(header, cells) {
        guard let colon = name.firstIndex(of: ":"), let value = Double(cell) else { continue }
        let output = String(name[name.index(after: colon)...])
        guard !isLoss(output) else { continue }
        log.add(output: output, isLoss: false, net: net, isTest: isTest, point(value))
      }
    }
  }

  /// The cells of a line, of which some may be in quotes.
  private static func cells(_ line: String) -> [String] {
    var result = [""]
    var isQuoted = false
    var wasQuote = false
    for letter in line {
      if letter == "\"" {
        // A quote within quotes is written twice.
        if !isQuoted, wasQuote { result[result.count - 1].append(letter) }
        isQuoted.toggle()
        wasQuote = !isQuoted
        continue
      }
      wasQuote = false
      if letter == ",", !isQuoted {
        result.append("")
      } else {
        result[result.count - 1].append(letter)
      }
    }
    return result
  }
}
