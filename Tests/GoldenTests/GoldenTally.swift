import Foundation
import Prototxt
import Testing

/// Prints a line for each case, counts, and records what failed.
struct GoldenTally {
  enum Result {
    case compared(Deviation)
    /// The catalogue lacks a layer type.
    case needs(String)
    /// An optional case ended in a diagnostic.
    case refused(String)
  }

  private let title: String
  private var passed = 0
  private var failed: [String] = []
  private var needs: [String: Int] = [:]
  private var refused = 0

  init(_ title: String) { self.title = title }

  mutating func run(_ path: String, _ test: (String) throws -> Result) {
    let name = Self.name(path)
    do {
      switch try test(path) {
      case .compared(let deviation): note(name, deviation)
      case .needs(let type):
        needs[type, default: 0] += 1
        Self.print("  needs \(type): \(name)")
      case .refused(let reason):
        refused += 1
        Self.print("  optional, refused: \(name): \(reason)")
      }
    } catch let error as Diagnostics {
      fail(name, error.all.map(\.message).joined(separator: "; "))
    } catch let error as Diagnostic {
      fail(name, error.message)
    } catch {
      fail(name, "\(error)")
    }
  }

  private mutating func note(_ name: String, _ deviation: Deviation) {
    if deviation.failures.isEmpty {
      passed += 1
      let limit = deviation.absolute ?? deviation.tolerance
      Self.print("  ok \(name): worst \(Self.text(deviation.worst)), tolerance \(Self.text(limit))")
    } else {
      fail(name, deviation.failures.joined(separator: "; "))
    }
  }

  private mutating func fail(_ name: String, _ reason: String) {
    failed.append(name)
    Self.print("  FAILED \(name): \(reason)")
    Issue.record("\(name): \(reason)")
  }

  /// Prints the counts.
  func finish() {
    let missing = needs.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }
    var line = "\(title): \(passed) passed, \(failed.count) failed"
    if refused > 0 { line += ", \(refused) optional refused" }
    if !missing.isEmpty {
      line +=
        ", \(needs.values.reduce(0, +)) need layers that are not there: "
        + missing.joined(separator: ", ")
    }
    Self.print(line)
    #expect(passed + failed.count + refused + needs.count > 0, "no case of \(title) was found")
  }

  static func name(_ path: String) -> String {
    path.split(separator: "/").suffix(2).joined(separator: "/")
  }

  private static func text(_ value: Double) -> String { String(format: "%.1e", value) }

  private static func print(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }
}
