import Compute
import Testing

@testable import Layers

/// Scale and Bias against plain arithmetic, for every place where numbers may stand.
@Suite("Scale and Bias")
struct BroadcastTests {
  struct Form: CustomTestStringConvertible {
    let bottom: Shape
    /// The first axis that has numbers, and how many.
    let axis: Int
    let count: Int

    /// The number that goes with a value.
    func number(_ at: Int) -> Int {
      let inner = bottom.count(from: axis + count)
      return at / inner % bottom.count(from: axis, to: axis + count)
    }

    var numbers: Shape { Shape(Array(bottom.dimensions[axis..<axis + count])) }
    var testDescription: String { "\(bottom.display), \(count) axes from \(axis) on" }
  }

  static let forms: [Form] = [
    [5], [3, 4], [4, 3, 2], [1, 3, 2], [2, 3, 1, 4], [3, 2, 2, 1, 2],
  ]
  .flatMap { (bottom: Shape) in
    (0..<bottom.axes).flatMap { axis in
      (0...bottom.axes - axis).map { Form(bottom: bottom, axis: axis, count: $0) }
    }
  }

  private func wave(_ count: Int, _ phase: Int) -> [Float] {
    (0..<count).map { Float(($0 * 37 + phase * 11) % 23) / 8 - 1.25 }
  }

  private func expectClose(_ got: [Float], _ want: [Float], _ what: String) {
    #expect(
      zip(got, want).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($1)) }
        && got.count == want.count, "\(what): \(got), not \(want)")
  }

  @Test("y = s · x + b with parameters", arguments: forms, [false, true])
  func parameters(_ form: Form, fromTheEnd: Bool) throws {
    let axis = fromTheEnd ? form.axis - form.bottom.axes : form.axis
    let toTheEnd = form.count > 0 && form.axis + form.count == form.bottom.axes
    let fields = "axis: \(axis) num_axes: \(toTheEnd && fromTheEnd ? -1 : form.count)"
    let lone = try LoneLayer(
      "type: 'Scale' scale_param { \(fields) bias_term: true }", [form.bottom])
    let parameters = lone.layer.parameters
    #expect(parameters.map(\.shape) == [form.numbers, form.numbers])
    try check(lone, form, scale: parameters[0], bias: parameters[1], isScale: true)
    let bias = try LoneLayer("type: 'Bias' bias_param { \(fields) }", [form.bottom])
    try check(bias, form, scale: nil, bias: bias.layer.parameters[0], isScale: false)
  }

  @Test("y = s · x + b with a second bottom", arguments: forms)
  func bottoms(_ form: Form) throws {
    let shapes = [form.bottom, form.numbers]
    let lone = try LoneLayer(
      "type: 'Scale' scale_param { axis: \(form.axis) bias_term: true }", shapes)
    try check(
      lone, form, scale: lone.bottoms[1], bias: lone.layer.parameters[0], isScale: true)
    let bias = try LoneLayer("type: 'Bias' bias_param { axis: \(form.axis) }", shapes)
    try check(bias, form, scale: nil, bias: bias.bottoms[1], isScale: false)
  }

  private func check(
    _ lone: LoneLayer, _ form: Form, scale: Blob?, bias: Blob, isScale: Bool
  ) throws {
    let count = form.bottom.count
    lone.bottoms[0].assign(wave(count, 1))
    scale?.assign(wave(form.numbers.count, 2))
    bias.assign(wave(form.numbers.count, 3))
    lone.tops[0].gradient.update(from: wave(count, 4), count: count)
    for blob in lone.layer.parameters + lone.bottoms {
      blob.gradient.update(repeating: 0, count: blob.count)
    }
    try lone.forward()
    lone.backward()
    let (x, dy) = (lone.bottoms[0].array, lone.tops[0].gradientArray)
    var (y, dx) = (x, dy)
    var ds = [Float](repeating: 0, count: form.numbers.count)
    var db = ds
    for at in 0..<count {
      let number = form.number(at)
      let s = scale?.values[number] ?? 1
      y[at] = s * x[at] + bias.values[number]
      dx[at] = s * dy[at]
      ds[number] += x[at] * dy[at]
      db[number] += dy[at]
    }
    expectClose(lone.tops[0].array, y, "y")
    expectClose(lone.bottoms[0].gradientArray, dx, "dx")
    if let scale { expectClose(scale.gradientArray, ds, "ds") }
    expectClose(bias.gradientArray, db, "db")
  }
}
