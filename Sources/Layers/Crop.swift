import CKernels
import Compute
import Prototxt
import Schema

/// Cuts a blob to the sizes of another.
///
///     y[i, …] = x[i + offset, …]          dx = dy where it was read from, 0 around
///
/// Shapes: the second bottom gives the sizes of `y` along the axes from `axis` on; along those before, `y` is
/// as `x`. The second bottom gets no gradient: its values do not count.
final class Crop: SampleLayer {
  static let reference = LayerReference(
    "Crop", .vision,
    summary: "Cuts a blob to the sizes of another.",
    formula: "y[i, …] = x[i + offset, …]",
    shapes: "x, reference: as many axes; y: as x before `axis`, as the reference from there on",
    notes: "The values of the second bottom do not count, and it gets no gradient.",
    arity: Arity(2...2, 1...1),
    parameters: [
      ParameterTable(
        "crop_param",
        [
          "axis": "The first axis that is cut; negative counts from the end.",
          "offset": "How much is left out before: none, once for all cut axes, or once for each.",
        ])
    ])
  static let samples = [
    LayerSample("", bottoms: [.uniform([2, 3, 6, 5]), .uniform([1, 1, 4, 3])]),
    LayerSample(
      "crop_param { axis: 2 offset: 2 offset: 1 }",
      bottoms: [.uniform([2, 3, 6, 5]), .uniform([2, 3, 3, 2])]),
    LayerSample(
      "crop_param { axis: 1 offset: 2 offset: 1 offset: 0 }",
      bottoms: [.uniform([2, 5, 4, 4]), .uniform([9, 3, 2, 3])]),
    LayerSample(
      "crop_param { axis: -1 offset: 1 }", bottoms: [.uniform([2, 3, 4]), .uniform([1, 1, 2])]),
    LayerSample(
      "crop_param { axis: 0 offset: 1 }", bottoms: [.uniform([5, 4]), .uniform([2, 3])]),
    LayerSample("crop_param { axis: 1 }", bottoms: [.uniform([3, 2, 2]), .uniform([3, 2, 2])]),
  ]

  private let spec: LayerSpec
  private let offsets: [Int]
  /// Of one sample: sizes of x, sizes of y and offsets, one behind the other.
  private let sizes = Buffer<Int>()
  private var axes = 0
  private var inputSize = 0
  private var outputSize = 0
  private(set) var sampleCount = 1

  init(_ spec: LayerSpec, _ context: LayerContext) throws {
    self.spec = spec
    offsets = spec.parameters("crop_param").ints("offset")
    try spec.refuseInPlace(why: "the top has another shape")
  }

  func takesGradient(bottom: Int) -> Bool { bottom == 0 }

  var backwardReads: BackwardReads { .nothing }

  func reshape(_ bottoms: [Shape]) throws -> [Shape] {
    let given = spec.parameters("crop_param")
    let (bottom, model) = (bottoms[0], bottoms[1])
    let first = try spec.axis(given, of: bottom)
    guard model.axes >= bottom.axes else {
      throw spec.error(
        "'\(spec.bottoms[0])' is \(bottom.display) and '\(spec.bottoms[1])' is \(model.display), but "
          + "the second must have as many axes as the first",
        at: spec.message.location("bottom", 1))
    }
    let cut = bottom.axes - first
    guard offsets.count <= 1 || offsets.count == cut else {
      throw spec.error(
        "has \(offsets.count) offsets, but cuts \(cut) axes from axis \(first) on "
          + "(\(bottom.display))", at: given.location("offset", min(cut, offsets.count - 1)),
        help: "give one offset for all axes that are cut, one for each, or none")
    }
    var top = bottom
    var starts = Array(repeating: 0, count: bottom.axes)
    for axis in first..<bottom.axes {
      let place = offsets.count > 1 ? axis - first : 0
      starts[axis] = offsets.isEmpty ? 0 : offsets[place]
      top[axis] = model[axis]
      guard starts[axis] <= bottom[axis], model[axis] <= bottom[axis] - starts[axis] else {
        throw spec.error(
          "cannot cut \(model[axis]) of the \(bottom[axis]) values along axis \(axis) from "
            + "\(starts[axis]) on: '\(spec.bottoms[0])' is \(bottom.display) and "
            + "'\(spec.bottoms[1])' is \(model.display)",
          at: offsets.isEmpty
            ? spec.message.location("bottom", 1) : given.location("offset", place))
      }
    }
    keep(bottom, top, starts, from: first)
    return [top]
  }

  /// Takes the sizes of one sample over; axes that stay whole before the cut are samples.
  private func keep(_ bottom: Shape, _ top: Shape, _ starts: [Int], from first: Int) {
    let samples = first > 0 ? 1 : 0
    sampleCount = first > 0 ? bottom[0] : 1
    axes = bottom.axes - samples
    let lists = [
      bottom.dimensions[samples...], top.dimensions[samples...], starts[samples...],
    ]
    sizes.reserve(lists.count * axes)
    for (index, value) in lists.joined().enumerated() { sizes.pointer[index] = value }
    inputSize = bottom.count(from: samples)
    outputSize = top.count(from: samples)
  }

  private var box: nk_box {
    let sizes = sizes.pointer
    return nk_box(axes: axes, outer: sizes, inner: sizes + axes, offset: sizes + 2 * axes)
  }

  func forward(
    _ bottom: [Blob], _ top: [Blob], samples: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) {
    var box = box
    for sample in samples {
      nk_cut(top[0].values + sample * outputSize, bottom[0].values + sample * inputSize, &box)
    }
  }

  func backward(
    _ top: [Blob], _ bottom: [Blob], samples: Range<Int>, pass: BackwardPass,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard pass.propagate[0] else { return }
    var box = box
    for sample in samples {
      nk_put_back(
        bottom[0].gradient + sample * inputSize, top[0].gradient + sample * outputSize, &box)
    }
  }
}
