/// Reads logs in the form that Caffe has written since 2014, with or without what stands before a
/// line's text.
extension RunLog {
  static func readCaffe(_ text: String, into log: inout RunLog) {
    var reader = CaffeLogReader()
    for line in text.split(whereSeparator: \.isNewline) { reader.read(line, &log) }
  }
}

private struct CaffeLogReader {
  /// Where the numbers that follow belong.
  private enum Place {
    case train(Double)
    case test(Double, net: Int)
  }

  private var place: Place?
  private var start: Double?
  private var previous = 0.0
  private var days = 0.0
  private var seconds = Double.nan
  /// How many outputs of one name there have been in a row.
  private var repeats: (name: String, count: Int) = ("", 0)

  mutating func read(_ line: Substring, _ log: inout RunLog) {
    var text = line
    if let bracket = line.firstRange(of: "] ") {
      if line[..<bracket.lowerBound].contains(":") {
        readTime(line[..<bracket.lowerBound])
        text = line[bracket.upperBound...]
      }
    }
    text = text.drop { $0 == " " }
    if text.hasPrefix("Solving ") { start = start ?? clock }
    if text.hasPrefix("Iteration ") {
      iteration(text.dropFirst("Iteration ".count), &log)
    } else if text.hasPrefix("Train net output #") {
      output(text, &log, isTest: false)
    } else if text.hasPrefix("Test net output #") {
      output(text, &log, isTest: true)
    }
  }

  private var clock: Double? { seconds.isNaN ? nil : seconds }

  /// `I1123 16:29:11.732642 13239 solver.cpp:347`: the time of the day, and days by its falling.
  private mutating func readTime(_ prefix: Substring) {
    let words = prefix.split(separator: " ")
    guard words.count >= 2 else { return }
    let parts = words[1].split(separator: ":").compactMap { Double($0) }
    guard parts.count == 3 else { return }
    let time = parts[0] * 3600 + parts[1] * 60 + parts[2]
    if time < previous - 3600 { days += 1 }
    previous = time
    seconds = days * 86_400 + time
  }

  private func point(_ iteration: Double, _ value: Double) -> RunLog.Point {
    RunLog.Point(
      iteration: iteration, seconds: start.map { seconds - $0 } ?? .nan, value: value)
  }

  /// `5 (5000 iter/s, 0.001s/5 iters), loss = 2.28` · `5, lr = 0.05` · `10, Testing net (#0)`.
  private mutating func iteration(_ text: Substring, _ log: inout RunLog) {
    let digits = text.prefix(while: \.isNumber)
    guard let number = Double(digits) else { return }
    if start == nil { start = clock }
    if let loss = CaffeLogReader.number(after: "loss = ", in: text) {
      place = .train(number)
      log.add(.loss, "train", isTest: false, point(number, loss))
    } else if let rate = CaffeLogReader.number(after: "lr = ", in: text) {
      log.add(.rate, "", isTest: false, point(number, rate))
    } else if let net = CaffeLogReader.number(after: "Testing net (#", in: text)
      .flatMap({ Int(exactly: $0) })
    {
      place = .test(number, net: net)
    }
    repeats = ("", 0)
  }

  /// `Test net output #1: loss = 2.09 (* 1 = 2.09 loss)`.
  private mutating func output(_ text: Substring, _ log: inout RunLog, isTest: Bool) {
    guard let colon = text.firstRange(of: ": "), let equals = text.firstRange(of: " = ") else {
      return
    }
    guard colon.upperBound <= equals.lowerBound,
      let value = CaffeLogReader.number(after: " = ", in: text)
    else { return }
    var name = String(text[colon.upperBound..<equals.lowerBound])
    let isLoss = text.contains(" loss)")
    repeats = (name, repeats.name == name ? repeats.count + 1 : 0)
    if repeats.count > 0 { name += "[\(repeats.count)]" }
    switch place {
    case .test(let iteration, let net)? where isTest:
      log.add(
        output: name, isLoss: isLoss, net: net == 0 ? "" : "#\(net)", isTest: true,
        point(iteration, value))
    case .train(let iteration)? where !isTest:
      log.add(output: name, isLoss: isLoss, net: "", isTest: false, point(iteration, value))
    default: break
    }
  }

  private static func number(after mark: String, in text: Substring) -> Double? {
    guard let found = text.firstRange(of: mark) else { return nil }
    let word = text[found.upperBound...].prefix { $0 != " " && $0 != ")" && $0 != "," }
    return Double(word)
  }
}
