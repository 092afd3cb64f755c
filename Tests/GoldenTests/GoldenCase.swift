import Compute
import Foundation
import Layers
import Nets
import Schema

/// A case of Caffe's values: a net in text format, and what is in its `.binaryproto`.
struct GoldenCase {
  let path: String
  let directives: [String: String]
  let layers: [WeightLayer]

  init(path: String) throws {
    self.path = path
    directives = Self.directives(try String(contentsOfFile: path, encoding: .utf8))
    let values = path.dropLast("prototxt".count) + "binaryproto"
    layers = try WeightFile(path: String(values)).layers
  }

  var tolerance: Double { directives["tolerance"].flatMap(Double.init) ?? 1e-5 }
  var absoluteTolerance: Double? { directives["abs_tolerance"].flatMap(Double.init) }
  var forwards: Int { directives["forwards"].flatMap(Int.init) ?? 1 }
  var goesBackward: Bool { directives["backward"] != "no" && forwards == 1 }
  var isOptional: Bool { directives["about"]?.hasPrefix("OPTIONAL") == true }

  var state: NetState {
    NetState(
      phase: directives["phase"] == "TEST" ? .test : .train,
      level: directives["level"].flatMap(Int.init) ?? 0,
      stages: directives["stages"]?.split(separator: " ").map(String.init) ?? [])
  }

  /// The `# key: value` lines at the top of a text.
  static func directives(_ text: String) -> [String: String] {
    var result: [String: String] = [:]
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      guard line.hasPrefix("#") else { break }
      guard let colon = line.firstIndex(of: ":") else { continue }
      let key = line[line.index(after: line.startIndex)..<colon]
      result[key.trimmingCharacters(in: .whitespaces)] =
        line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    return result
  }

  /// The entries of a type that is no layer type: `Blob`, `Blob.1`, `ParamsAfter`.
  func entries(_ type: String) -> [WeightLayer] { layers.filter { $0.type == type } }
}

/// How far values are from what they should be, as a part of the tolerance and as such.
struct Deviation {
  private(set) var worst = 0.0
  private(set) var place = ""
  private(set) var failures: [String] = []
  let tolerance: Double
  let absolute: Double?

  init(_ tolerance: Double, absolute: Double? = nil) {
    self.tolerance = tolerance
    self.absolute = absolute
  }

  /// `|got − want| ≤ tolerance · max(0.05, M)` for each value, `M` the largest `|want|` of the blob
  /// below 1e30; larger ones are compared each by itself.
  mutating func compare(_ got: [Float], _ want: [Float], _ name: String) {
    guard got.count == want.count else {
      failures.append("\(name): \(got.count) values instead of \(want.count)")
      return
    }
    let scale = want.lazy.map { abs(Double($0)) }.filter { $0 < 1e30 }.max() ?? 0
    for index in want.indices {
      let (a, b) = (Double(got[index]), Double(want[index]))
      if a == b || (a.isNaN && b.isNaN) { continue }
      let difference = abs(a - b)
      let unit = abs(b) >= 1e30 ? abs(b) : max(0.05, scale)
      let error = absolute == nil ? difference / unit : difference
      let limit = absolute ?? tolerance
      if !(error <= worst) {
        worst = error
        place = "\(name)[\(index)]: \(a) instead of \(b)"
      }
      if !(error <= limit) {
        failures.append("\(name)[\(index)]: \(a) instead of \(b)")
        return
      }
    }
  }

  mutating func fail(_ message: String) { failures.append(message) }
}
