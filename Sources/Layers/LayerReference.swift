public import Compute

/// What the reference says of a layer type; `netrun layers` and docs/layers.md print it.
public struct LayerReference: Sendable {
  /// Caffe's chapters.
  public enum Category: String, Sendable, CaseIterable {
    /// Where data comes from.
    case data = "Data"
    /// Layers over images.
    case vision = "Vision"
    /// Layers over any blob.
    case common = "Common"
    /// Value by value.
    case activation = "Activation"
    /// Layers over sequences.
    case recurrent = "Recurrent"
    /// Layers that move values.
    case utility = "Utility"
    /// Losses and scores.
    case loss = "Loss"
  }

  /// The name written as `type`.
  public let type: String
  /// Where the layer belongs.
  public let category: Category
  /// One sentence.
  public let summary: String
  /// What it computes, a line per formula.
  public let formula: String
  /// The shapes of bottoms, tops and parameters.
  public let shapes: String
  /// What must be known beyond formula and shapes, if anything.
  public let notes: String
  /// How many bottoms and tops.
  public let arity: Arity
  /// The parameters, by the `…_param` field that holds them.
  public let parameters: [ParameterTable]
  /// Whether Caffe lacks the type.
  public let isExtension: Bool

  /// Makes an entry.
  public init(
    _ type: String, _ category: Category, summary: String, formula: String, shapes: String,
    notes: String = "", arity: Arity, parameters: [ParameterTable] = [], isExtension: Bool = false
  ) {
    self.type = type
    self.category = category
    self.summary = summary
    self.formula = formula
    self.shapes = shapes
    self.notes = notes
    self.arity = arity
    self.parameters = parameters
    self.isExtension = isExtension
  }
}

/// The parameters of one `…_param` message; types and defaults come from the schema.
public struct ParameterTable: Sendable {
  /// The field of `LayerParameter`, such as `convolution_param`.
  public let field: String
  /// What each parameter means, in the order to print.
  public let meanings: [(name: String, meaning: String)]

  /// Makes a table.
  public init(_ field: String, _ meanings: KeyValuePairs<String, String>) {
    self.field = field
    self.meanings = meanings.map { ($0.key, $0.value) }
  }
}

/// How many bottoms and tops a layer type takes.
public struct Arity: Sendable, Equatable {
  /// The least and the most bottoms.
  public let bottoms: ClosedRange<Int>
  /// The least and the most tops.
  public let tops: ClosedRange<Int>
  /// Whether there must be as many tops as bottoms.
  public let equal: Bool
  /// Whether a missing top is made automatically, as for losses.
  public let automaticTop: Bool

  /// The number that stands for no upper limit.
  public static let unlimited = Int.max

  /// Makes an arity.
  public init(
    _ bottoms: ClosedRange<Int>, _ tops: ClosedRange<Int>, equal: Bool = false,
    automaticTop: Bool = false
  ) {
    self.bottoms = bottoms
    self.tops = tops
    self.equal = equal
    self.automaticTop = automaticTop
  }

  /// One bottom, one top.
  public static let oneToOne = Arity(1...1, 1...1)
  /// Values and labels to one loss, whose top may be left out.
  public static let loss = Arity(2...2, 1...1, automaticTop: true)
}

/// A small configuration of a layer for automatic tests.
public struct LayerSample: Sendable {
  /// What a bottom is filled with.
  public enum Input: Sendable {
    /// Values from −1 to 1.
    case uniform(Shape)
    /// Values from one bound to another.
    case range(Shape, ClosedRange<Float>)
    /// Whole numbers from 0 up to, not including, the bound; no gradient is checked.
    case labels(Shape, classes: Int)
    /// The given values; a gradient is checked.
    case values(Shape, [Float])
    /// The given values; no gradient is checked.
    case constants(Shape, [Float])
  }

  /// The layer's fields beyond name, type, bottoms and tops, in text format.
  public let text: String
  /// The bottoms.
  public let bottoms: [Input]
  /// How many tops.
  public let tops: Int
  /// Values of the bottoms near which the layer is not smooth.
  public let kinks: [Float]
  /// The phase.
  public let phase: Phase
  /// Whether gradients are checked.
  public let hasGradient: Bool

  /// Makes a sample.
  public init(
    _ text: String, bottoms: [Input], tops: Int = 1, kinks: [Float] = [], phase: Phase = .train,
    hasGradient: Bool = true
  ) {
    self.text = text
    self.bottoms = bottoms
    self.tops = tops
    self.kinks = kinks
    self.phase = phase
    self.hasGradient = hasGradient
  }
}
