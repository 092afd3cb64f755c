import Glibc

/// The scale along one side of a chart.
public struct Axis: Sendable {
  /// A place with a number.
  public struct Tick: Sendable, Equatable {
    /// The value.
    public let value: Double
    /// What is written there.
    public let text: String
  }

  /// The least and the greatest value shown.
  public let low: Double, high: Double
  /// Whether equal steps are equal ratios.
  public let isLogarithmic: Bool
  /// The places with numbers.
  public let ticks: [Tick]

  /// Makes an axis for values.
  ///
  /// - Parameters:
  ///   - values: What is to be shown; what is not finite does not count, nor what is not above 0 on a
  ///     logarithmic axis.
  ///   - count: About how many ticks there is room for.
  ///   - isLogarithmic: Whether equal steps are equal ratios.
  ///   - isTight: Whether the axis ends at the values rather than at ticks.
  public init(
    _ values: some Sequence<Double>, count: Int = 5, isLogarithmic: Bool = false,
    isTight: Bool = false
  ) {
    var least = Double.infinity
    var most = -Double.infinity
    for value in values where value.isFinite && (!isLogarithmic || value > 0) {
      least = min(least, Axis.within(value, isLogarithmic))
      most = max(most, Axis.within(value, isLogarithmic))
    }
    if least > most { (least, most) = isLogarithmic ? (0.1, 1) : (0, 1) }
    self.isLogarithmic = isLogarithmic
    if isLogarithmic {
      (low, high, ticks) = Axis.logarithmic(least, most, count, isTight)
    } else {
      (low, high, ticks) = Axis.linear(least, most, count, isTight)
    }
  }

  /// A value within what an axis can compute with: differences and ratios must not overflow.
  private static func within(_ value: Double, _ isLogarithmic: Bool) -> Double {
    isLogarithmic ? min(max(value, 1e-140), 1e140) : min(max(value, -1e300), 1e300)
  }

  /// Where a value stands, from 0 to 1; `nil` if it cannot be shown.
  public func place(_ value: Double) -> Double? {
    guard value.isFinite, !isLogarithmic || value > 0 else { return nil }
    let value = Axis.within(value, isLogarithmic)
    guard isLogarithmic else { return (value - low) / (high - low) }
    return (log10(value) - log10(low)) / (log10(high) - log10(low))
  }

  private static func linear(
    _ least: Double, _ most: Double, _ count: Int, _ isTight: Bool
  ) -> (Double, Double, [Tick]) {
    var (least, most) = (least, most)
    if most - least <= max(max(abs(least), abs(most)) * 1e-12, 1e-290) {
      let room = abs(least) < 1e-280 ? 1 : abs(least) * 0.5
      (least, most) = (
        least - (least > 0 || least == 0 ? min(room, max(least, 0)) : room), most + room
      )
    }
    let step = nice((most - least) / Double(max(1, count)))
    // What is off by no more than rounding stands on a tick.
    let slack = isTight ? -1e-9 : 1e-9
    let first = (least / step + slack).rounded(isTight ? .up : .down)
    let last = (most / step - slack).rounded(isTight ? .down : .up)
    let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    let large = max(abs(least), abs(most))
    let ticks = stride(from: first, through: last, by: 1).map { number in
      Tick(value: number * step, text: text(number * step, decimals, large))
    }
    guard !isTight else { return (least, most, ticks) }
    return (first * step, last * step, ticks)
  }

  /// The step of 1, 2 or 5 times a power of ten that is nearest above.
  static func nice(_ step: Double) -> Double {
    guard step > 0, step.isFinite else { return 1 }
    let power = pow(10, log10(step).rounded(.down))
    let share = step / power
    return (share <= 1.0001 ? 1 : share <= 2.0001 ? 2 : share <= 5.0001 ? 5 : 10) * power
  }

  private static func logarithmic(
    _ least: Double, _ most: Double, _ count: Int, _ isTight: Bool
  ) -> (Double, Double, [Tick]) {
    var (low, high) = (least, most)
    if high / low < 1.001 { (low, high) = (low / 2, high * 2) }
    let decades = log10(high / low)
    let factors: [Double] = decades < 1.5 ? [1, 2, 5] : decades < 4 ? [1, 3] : [1]
    let stride = max(1, Int((decades / Double(max(1, count))).rounded(.down)))
    var all: [Double] = []
    for exponent in Int(log10(low).rounded(.down)) - 1...Int(log10(high).rounded(.up)) + 1
    where stride == 1 || exponent % stride == 0 {
      all += factors.map { $0 * pow(10, Double(exponent)) }
    }
    if !isTight {
      low = all.last { $0 <= low * 1.0001 } ?? low
      high = all.first { $0 >= high * 0.9999 } ?? high
    }
    let shown = all.filter { $0 >= low * 0.9999 && $0 <= high * 1.0001 }
    return (low, high, shown.map { Tick(value: $0, text: text($0)) })
  }

  /// A number of an axis with linear steps.
  private static func text(_ value: Double, _ decimals: Int, _ large: Double) -> String {
    if abs(value) < large * 1e-9 { return "0" }
    if large >= 1e6 { return shorter(value / 1e6) + "M" }
    if large >= 10_000 { return shorter(value / 1000) + "k" }
    return decimals > 5 ? general(value) : fixed(value, decimals)
  }

  private static func shorter(_ value: Double) -> String {
    general((value * 1000).rounded() / 1000)
  }

  /// A number in few letters: six digits at most, and an exponent where it is far from 1.
  public static func text(_ value: Double) -> String { general(value) }

  private static func general(_ value: Double) -> String { formatted("%.5g", value) }

  /// A number with so many decimals.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    formatted("%.\(decimals)f", value)
  }

  private static func formatted(_ format: String, _ value: Double) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400) { buffer in
      guard let base = buffer.baseAddress else { return "" }
      base[0] = 0
      withVaList([value]) { _ = vsnprintf(base, buffer.count, format, $0) }
      return String(cString: base)
    }
  }
}
