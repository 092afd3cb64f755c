import Foundation
import Solvers
import Testing

@Suite("The search for a learning rate")
struct RateSearchTests {
  /// Losses as a function of the place in the search, for rates from 1e-4 by a tenth of a decade.
  private func search(_ count: Int, _ loss: (Int) -> Float) -> RateSearch {
    var search = RateSearch()
    for index in 0..<count {
      let rate = Float(pow(10, -4 + Double(index) / 10))
      guard search.add(rate: rate, loss: loss(index)) else { break }
    }
    return search
  }

  @Test("The steepest descent and the explosion are found, and the lesser rate is proposed")
  func shape() throws {
    // Falls from 2 to 1 around place 20 (a rate of 0.01), explodes from place 35 on.
    let found = search(60) { index in
      index < 35
        ? 1.5 - 0.5 * tanhf(Float(index - 20) / 3) : 1 * powf(3, Float(index - 34))
    }
    let steepest = try #require(found.steepest)
    #expect(abs(log10(steepest) + 2) < 0.15)
    let blowUp = try #require(found.blowUp)
    #expect(blowUp > 0.3 && blowUp < 1)
    #expect(found.suggestion.map { abs($0 - steepest) / steepest < 0.06 } == true)
    #expect(found.points.count < 45)
    let lowest = try #require(found.lowest)
    #expect((30..<38).contains(lowest))
  }

  @Test("A loss that is no number is an explosion, and a tenth of its rate is proposed")
  func nan() {
    let found = search(60) { $0 < 30 ? 2 : .nan }
    #expect(found.points.count == 30 && found.steepest == nil)
    #expect(found.blowUp.map { abs($0 - 0.1) < 1e-6 } == true)
    #expect(found.suggestion.map { abs($0 - 0.01) < 1e-8 } == true)
  }

  @Test("A loss that stays where it is proposes nothing")
  func flat() {
    let found = search(50) { _ in 0 }
    #expect(found.points.count == 50 && found.suggestion == nil && found.blowUp == nil)
    #expect(RateSearch().suggestion == nil && RateSearch().lowest == nil)
  }

  @Test("A solver trains with growing rates, writes nothing, and finds the same each time")
  func solver() throws {
    let scratch = try Scratch()
    func search(_ threads: Int) throws -> RateSearch {
      var options = Solver.Options()
      options.seed = 3
      options.threads = threads
      let solver = try Solver(
        searchingRates: try Training.message(
          """
          snapshot_prefix: '\(scratch.path)/s' snapshot: 1 lr_policy: 'multistep' gamma: 0.5
          stepvalue: 3 base_lr: 0.5 max_iter: 7 momentum: 0.9 average_loss: 5
          net_param { \(Training.net) }
          """), path: nil, from: 1e-4, to: 1e4, iterations: 40, options: options)
      var heard: [Int] = []
      let found = try solver.searchRate { heard.append($0) }
      #expect(heard == Array(1...heard.count))
      return found
    }
    let found = try search(1)
    #expect(try search(3).points == found.points)
    #expect(found.points.first?.rate == 1e-4)
    let factors = zip(found.points, found.points.dropFirst()).map { $1.rate / $0.rate }
    let factor = Float(pow(1e8, 1.0 / 39))
    #expect(factors.allSatisfy { abs($0 - factor) / factor < 1e-3 })
    // Rates of thousands cannot go well.
    #expect(found.blowUp != nil && found.points.count < 40)
    #expect(try scratch.files.isEmpty)
  }
}
