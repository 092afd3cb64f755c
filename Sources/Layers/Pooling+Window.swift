import CKernels
import Compute
import Prototxt
import Schema

/// What `pooling_param` says of the window, and the sizes that follow.
struct PoolingWindow {
  private struct Pair {
    var height: Int
    var width: Int
  }

  private let isGlobal: Bool
  private let roundsDown: Bool
  private let kernel: Pair
  private let stride: Pair
  private let pad: Pair
  private let kernelLocation: SourceRange?

  /// Reads the fields, and keeps all that is wrong with them.
  init(_ spec: LayerSpec, _ given: Message, _ problems: inout Diagnostics) throws {
    let problemsBefore = problems.all.count
    isGlobal = given.bool("global_pooling")
    roundsDown = given.enumName("round_mode") == "FLOOR"
    let kernelFields = ["kernel_size", "kernel_h", "kernel_w"].filter(given.has)
    kernelLocation = kernelFields.first.flatMap { given.location($0) }
    stride = try PoolingWindow.pair(spec, given, "stride", half: "stride", least: 1, &problems)
    pad = try PoolingWindow.pair(spec, given, "pad", half: "pad", least: 0, &problems)
    guard !isGlobal else {
      kernel = Pair(height: 0, width: 0)
      if let field = kernelFields.first {
        problems.append(
          spec.error(
            "\(field) is given together with global_pooling", at: given.location(field),
            help: "remove it: the window of global_pooling is the whole image"))
      }
      if (stride.height, stride.width, pad.height, pad.width) != (1, 1, 0, 0) {
        let fields = ["stride", "stride_h", "stride_w", "pad", "pad_h", "pad_w"].filter(given.has)
        problems.append(
          spec.error(
            "global_pooling allows no stride and no pad",
            at: fields.first.flatMap { given.location($0) },
            help: "remove \(fields.joined(separator: ", "))"))
      }
      return
    }
    guard !kernelFields.isEmpty else {
      kernel = Pair(height: 1, width: 1)
      problems.append(
        spec.error(
          "kernel_size is missing", at: given.location,
          help: "add kernel_size: …, or global_pooling: true for one window over the image"))
      return
    }
    kernel = try PoolingWindow.pair(
      spec, given, "kernel_size", half: "kernel", least: 1, &problems)
    guard problems.all.count == problemsBefore else { return }
    if pad.height >= kernel.height || pad.width >= kernel.width {
      let fields = ["pad", "pad_h", "pad_w"].filter(given.has)
      problems.append(
        spec.error(
          "pad (\(pad.height) × \(pad.width)) must be smaller than the kernel "
            + "(\(kernel.height) × \(kernel.width))",
          at: fields.first.flatMap { given.location($0) },
          help: "a window that lies whole in the padding would see nothing"))
    }
  }

  /// Whether there is padding.
  var isPadded: Bool { pad.height > 0 || pad.width > 0 }

  /// A field for both axes, or two fields `_h` and `_w` in its place.
  private static func pair(
    _ spec: LayerSpec, _ given: Message, _ name: String, half: String, least: Int,
    _ problems: inout Diagnostics
  ) throws -> Pair {
    let names = ["\(half)_h", "\(half)_w"]
    let halves = names.filter(given.has)
    if let first = halves.first, given.has(name) {
      problems.append(
        spec.error(
          "\(name) and \(first) are both given", at: given.location(first),
          notes: [Note("\(name) is here", at: given.location(name))],
          help: "keep \(name), or \(names.joined(separator: " and "))"))
    } else if halves.count == 1, let other = names.first(where: { !given.has($0) }) {
      problems.append(
        spec.error(
          "\(halves[0]) is given without \(other)", at: given.location(halves[0]),
          help: "add \(other): …, or give \(name) for both axes"))
    }
    for field in halves + (given.has(name) ? [name] : []) {
      try problems.keeping {
        try spec.checkSize(given.int(field), field, least: least, at: given.location(field))
      }
    }
    if halves.count == 2 { return Pair(height: given.int(names[0]), width: given.int(names[1])) }
    // A kernel has no default to read where a half of it is missing.
    let value = given.has(name) || halves.isEmpty ? given.int(name) : max(1, least)
    return Pair(height: value, width: value)
  }

  /// The window over an image of four axes.
  ///
  /// - Throws: a diagnostic if the image has other axes, or no window fits.
  func plan(_ spec: LayerSpec, over bottom: Shape) throws -> nk_pool {
    guard bottom.axes == 4 else {
      throw spec.error(
        "needs a bottom with 4 axes (batch, channels, height, width), not \(bottom.display)",
        help: bottom.axes < 4
          ? "a Reshape layer can add axes of size 1" : "a Reshape layer can join axes")
    }
    try spec.checkCount([bottom[2], bottom[3]], "a plane", at: nil)
    var plan = nk_pool()
    plan.height = bottom[2]
    plan.width = bottom[3]
    plan.kernel_h = isGlobal ? bottom[2] : kernel.height
    plan.kernel_w = isGlobal ? bottom[3] : kernel.width
    (plan.stride_h, plan.stride_w) = (stride.height, stride.width)
    (plan.pad_h, plan.pad_w) = (pad.height, pad.width)
    plan.out_h = places(bottom[2], plan.kernel_h, plan.stride_h, plan.pad_h)
    plan.out_w = places(bottom[3], plan.kernel_w, plan.stride_w, plan.pad_w)
    guard bottom[2] > 0, bottom[3] > 0, plan.out_h > 0, plan.out_w > 0 else {
      let padding = isPadded ? " with pad \(pad.height) × \(pad.width)" : ""
      throw spec.error(
        "the output is empty: no window of \(plan.kernel_h) × \(plan.kernel_w) fits an image of "
          + "\(bottom[2]) × \(bottom[3])\(padding)",
        at: kernelLocation, help: "use a smaller kernel, larger images, or global_pooling: true")
    }
    try spec.checkCount(
      [bottom[0], bottom[1], plan.out_h, plan.out_w], "a top", at: kernelLocation)
    return plan
  }

  /// Caffe's number of windows along an axis: divided in single precision, and with any padding
  /// one less where the last would start behind image and padding.
  private func places(_ size: Int, _ kernel: Int, _ stride: Int, _ pad: Int) -> Int {
    let steps = Float(size + 2 * pad - kernel) / Float(stride)
    let places = Int(roundsDown ? steps.rounded(.down) : steps.rounded(.up)) + 1
    return isPadded && (places - 1) * stride >= size + pad ? places - 1 : places
  }
}
