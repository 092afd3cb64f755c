import Compute
import Glibc
import Nets
public import Schema

/// What a search for the learning rate has found: the loss while the rate grew.
public struct RateSearch: Sendable {
  /// One iteration.
  public struct Point: Sendable, Equatable {
    /// The rate.
    public let rate: Float
    /// The loss of the iteration's batches.
    public let loss: Float
    /// The mean of the last losses, of which later ones count more.
    public let smoothedLoss: Float

    /// Makes a point.
    public init(rate: Float, loss: Float, smoothedLoss: Float) {
      self.rate = rate
      self.loss = loss
      self.smoothedLoss = smoothedLoss
    }
  }

  /// All iterations; the losses are finite.
  public private(set) var points: [Point] = []
  /// The rate at which the loss exploded, if it did.
  public private(set) var blowUp: Float?
  private var mean = 0.0
  private var weight = 0.0
  private var least = Double.infinity

  /// What a mean keeps of itself at each loss.
  private static let decay = 0.8
  /// How many times the smallest mean is an explosion.
  private static let explosion = 4.0

  /// Makes a search that has seen nothing.
  public init() {}

  /// Takes the loss of the next, higher rate.
  ///
  /// - Returns: whether the search goes on: the loss has not exploded.
  public mutating func add(rate: Float, loss: Float) -> Bool {
    guard loss.isFinite else {
      blowUp = rate
      return false
    }
    mean = RateSearch.decay * mean + (1 - RateSearch.decay) * Double(loss)
    weight = RateSearch.decay * weight + 1 - RateSearch.decay
    let smoothed = mean / weight
    points.append(Point(rate: rate, loss: loss, smoothedLoss: Float(smoothed)))
    least = min(least, smoothed)
    guard points.count > 4, smoothed - least > (RateSearch.explosion - 1) * abs(least) else {
      return true
    }
    blowUp = rate
    return false
  }

  /// The place of the smallest smoothed loss.
  public var lowest: Int? {
    points.indices.min { points[$0].smoothedLoss < points[$1].smoothedLoss }
  }

  /// The rate at which the loss fell fastest, on a logarithmic scale; `nil` if it never fell.
  ///
  /// Means of losses on both sides tell, since a mean of earlier losses would come too late.
  public var steepest: Float? {
    guard let lowest else { return nil }
    let reach = max(1, points.count / 25)
    let losses = points.indices.map { index in
      let part = points[max(0, index - reach)...min(points.count - 1, index + reach)]
      return part.reduce(0) { $0 + Double($1.loss) } / Double(part.count)
    }
    var best: (slope: Double, rate: Float)?
    for index in points.indices.dropFirst(reach).dropLast(reach) where index <= lowest {
      let (before, behind) = (index - reach, index + reach)
      let width = log(Double(points[behind].rate)) - log(Double(points[before].rate))
      let slope = (losses[behind] - losses[before]) / width
      if slope < min(0, best?.slope ?? 0) { best = (slope, points[index].rate) }
    }
    return best?.rate
  }

  /// The rate to train with: where the loss fell fastest, or a tenth of where it exploded if that is
  /// less; to two digits.
  public var suggestion: Float? {
    guard let rate = [steepest, blowUp.map { $0 / 10 }].compactMap({ $0 }).min(), rate > 0 else {
      return nil
    }
    let unit = pow(10, (log10(Double(rate))).rounded(.down) - 1)
    return Float((Double(rate) / unit).rounded() * unit)
  }
}

extension Solver {
  /// Builds a solver that trains with rates from one to another, each the same factor above the last.
  ///
  /// It tests nothing and writes no snapshots; weights to begin with are those of the solver or of
  /// the options.
  /// - Throws: `Diagnostics` with everything that is wrong.
  public convenience init(
    searchingRates description: Message, path: String?, from: Float, to: Float, iterations: Int,
    options: Options
  ) throws {
    var description = description
    for field in [
      "test_net", "test_net_param", "test_state", "test_iter", "test_interval", "display",
      "snapshot", "debug_info", "power", "stepsize", "stepvalue", "warmup_iter", "warmup_start_lr",
      "min_lr", "plateau_winsize", "average_loss",
    ] { description.clear(field) }
    let factor = pow(Double(to) / Double(from), 1 / Double(max(1, iterations - 1)))
    description.set("base_lr", float: from)
    description.set("lr_policy", string: "exp")
    description.set("gamma", float: Float(factor))
    description.set("max_iter", int: iterations)
    var options = options
    // That losses explode is what is looked for.
    options.allowsNonFinite = true
    try self.init(description, path: path, options: options)
  }

  /// Trains until the loss explodes or all iterations are done.
  ///
  /// - Parameter progress: Hears how many iterations are done; what it throws ends the search.
  /// - Throws: what a forward pass throws, or `progress`.
  /// - Returns: the losses.
  public func searchRate(progress: (Int) throws -> Void) throws -> RateSearch {
    var clock = LoopClock(waited: trainNet.waitedMilliseconds, iteration: iteration)
    var search = RateSearch()
    while iteration < maxIterations {
      var unused = rateProgress
      let rate = settings.rate.rate(at: iteration, smoothedLoss: 0, progress: &unused).rate
      _ = try step(&clock)
      try progress(iteration)
      // The mean of one loss is that loss.
      guard search.add(rate: rate, loss: window.mean) else { break }
    }
    return search
  }
}
