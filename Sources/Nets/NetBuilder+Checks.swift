import Layers
import Prototxt
import Schema

/// What can be said of a layer by counting: bottoms, tops, and the fields that go with them.
extension NetBuilder {
  mutating func checkCounts(_ spec: LayerSpec, _ arity: Arity) {
    check(spec, "bottom", spec.bottoms.count, arity.bottoms)
    let least = arity.automaticTop ? 0 : arity.tops.lowerBound
    check(spec, "top", spec.tops.count, least...arity.tops.upperBound)
    if arity.equal, spec.bottoms.count != spec.tops.count {
      diagnostics.append(
        spec.error(
          "needs as many tops as bottoms, but has \(counted(spec.bottoms.count, "bottom")) and "
            + counted(spec.tops.count, "top")))
    }
  }

  private mutating func check(
    _ spec: LayerSpec, _ what: String, _ count: Int, _ range: ClosedRange<Int>
  ) {
    guard !range.contains(count) else { return }
    let wanted: String
    if range.upperBound == 0 {
      wanted = "no \(what)s"
    } else if range.lowerBound == range.upperBound {
      wanted = "exactly \(counted(range.lowerBound, what))"
    } else if count < range.lowerBound {
      wanted = "at least \(counted(range.lowerBound, what))"
    } else {
      wanted = "at most \(counted(range.upperBound, what))"
    }
    let place = count > range.upperBound ? spec.message.location(what, range.upperBound) : nil
    diagnostics.append(spec.error("takes \(wanted), but has \(count)", at: place))
  }

  mutating func refuseInPlace(_ spec: LayerSpec) {
    for (index, (bottom, top)) in zip(spec.bottoms, spec.tops).enumerated() where bottom == top {
      diagnostics.append(
        spec.error(
          "cannot work in place: top '\(bottom)' has the name of its bottom",
          at: spec.message.location("top", index), help: "give the top a name of its own"))
    }
  }

  // MARK: Loss weights and propagate_down

  mutating func lossWeights(_ spec: LayerSpec, tops: Int) -> [Float] {
    let given = spec.message.floats("loss_weight")
    if !given.isEmpty { checkOnceForEach(spec, "loss_weight", given.count, tops, "top") }
    if given.count == tops { return given }
    var weights = [Float](repeating: 0, count: tops)
    if spec.type.hasSuffix("Loss"), tops > 0 { weights[0] = 1 }
    return weights
  }

  mutating func checkPropagation(_ spec: LayerSpec) {
    let count = spec.message.count("propagate_down")
    if count != 0 {
      checkOnceForEach(spec, "propagate_down", count, spec.bottoms.count, "bottom")
    }
  }

  private mutating func checkOnceForEach(
    _ spec: LayerSpec, _ field: String, _ given: Int, _ wanted: Int, _ what: String
  ) {
    guard given != wanted else { return }
    diagnostics.append(
      spec.error(
        "has \(counted(given, "value")) of \(field) but \(counted(wanted, what))",
        at: spec.message.location(field),
        help: wanted == 0
          ? "leave \(field) out" : "give \(field) once for each \(what), or not at all"))
  }
}

/// A number of things in words: `1 top`, `2 tops`, `no tops`.
func counted(_ count: Int, _ what: String) -> String {
  switch count {
  case 0: what.hasSuffix("y") ? "no \(what.dropLast())ies" : "no \(what)s"
  case 1: "1 \(what)"
  default: what.hasSuffix("y") ? "\(count) \(what.dropLast())ies" : "\(count) \(what)s"
  }
}
