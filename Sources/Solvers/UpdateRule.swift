import CKernels
import Prototxt
import Schema

/// How a parameter follows its gradient.
///
/// A rule is one file and one line in `UpdateRules`.
protocol UpdateRule: Sendable {
  /// The entry of the reference: name, formula, what it needs to know.
  static var reference: RuleReference { get }

  /// Blobs that the rule remembers for each parameter.
  static var historyCount: Int { get }

  /// Whether a parameter at rate 0 that has no gradient stays as it is, and what is remembered too.
  static var rests: Bool { get }

  /// Reads and checks the fields that concern the rule.
  init(_ message: Message, _ check: inout SettingsCheck)

  /// Updates `count` values of a parameter.
  ///
  /// - Parameters:
  ///   - weights: The values.
  ///   - gradient: Their gradients, as summed up over `iter_size` batches.
  ///   - history: What the rule remembers, `historyCount` blocks.
  ///   - step: Scales, rates and the rule's own numbers.
  ///   - count: How many values.
  func update(
    _ weights: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ history: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?), _ step: nk_update,
    count: Int)

  /// Numbers that all parameters share in one iteration.
  func constants(iteration: Int) -> nk_update
}

/// The entry of the reference for an update rule.
struct RuleReference: Sendable {
  /// The name written as `type` in a solver file.
  let type: String
  /// What it is, in a sentence.
  let summary: String
  /// What is computed of the weight w, the gradient g and the local rate α.
  let formula: String
  /// What else a user should know.
  let notes: String
  /// Whether Caffe does not have it.
  let isExtension: Bool

  init(
    _ type: String, summary: String, formula: String, notes: String = "", isExtension: Bool = false
  ) {
    self.type = type
    self.summary = summary
    self.formula = formula
    self.notes = notes
    self.isExtension = isExtension
  }
}

extension UpdateRule {
  /// The name written as `type` in a solver file.
  static var type: String { reference.type }

  static var historyCount: Int { 1 }
  static var rests: Bool { false }
}

/// Every update rule; a new one is a file and a line here.
enum UpdateRules {
  static let all: [any UpdateRule.Type] = [
    SGD.self, Nesterov.self, AdaGrad.self, RMSProp.self, AdaDelta.self, Adam.self,
    AdamW.self,
  ]

  static func rule(_ message: Message, _ check: inout SettingsCheck) -> any UpdateRule {
    let type = message.string("type")
    guard let found = all.first(where: { $0.type == type }) else {
      check.choice("type", type, all.map { $0.type })
      return SGD(message, &check)
    }
    return found.init(message, &check)
  }
}
