import Compute
import Prototxt
import Schema

/// A window sliding over spatial axes: kernel, stride, padding and dilation along each.
struct SpatialWindow: Equatable {
  let kernel: [Int]
  let stride: [Int]
  let pad: [Int]
  let dilation: [Int]

  /// How many values the kernel spans along an axis.
  func span(_ axis: Int) -> Int { dilation[axis] * (kernel[axis] - 1) + 1 }

  /// How many places the window has along an axis with `size` values; 0 or less if it does not fit.
  func places(_ axis: Int, of size: Int) -> Int {
    let room = size + 2 * pad[axis] - span(axis)
    return room < 0 ? 0 : room / stride[axis] + 1
  }

  /// Whether the window always covers its whole input, so that there is nothing to slide over.
  func covers(_ input: [Int]) -> Bool {
    input.indices.allSatisfy {
      kernel[$0] == input[$0] && pad[$0] == 0 && (dilation[$0] == 1 || kernel[$0] == 1)
    }
  }

  /// Whether each output sees just the one input at its own place.
  var isPointwise: Bool {
    kernel.indices.allSatisfy { kernel[$0] == 1 && stride[$0] == 1 && pad[$0] == 0 }
  }
}

/// What `convolution_param` says of the window, before the number of spatial axes is known.
struct WindowFields {
  private let kernel: AxisField
  private let stride: AxisField
  private let pad: AxisField
  private let dilation: AxisField

  /// Where the kernel's size is given.
  var kernelLocation: SourceRange? { kernel.location }

  /// Reads the fields, and keeps all that is wrong with them.
  init(_ spec: LayerSpec, _ given: Message, _ problems: inout Diagnostics) throws {
    kernel = try AxisField(spec, given, "kernel_size", pair: "kernel", least: 1, &problems)
    stride = try AxisField(
      spec, given, "stride", pair: "stride", least: 1, fallback: 1, &problems)
    pad = try AxisField(
      spec, given, "pad", pair: "pad", least: 0, fallback: 0, halfPair: 0, &problems)
    dilation = try AxisField(spec, given, "dilation", least: 1, fallback: 1, &problems)
  }

  /// The window over the axes of `bottom` from `first` on.
  ///
  /// - Throws: diagnostics at the fields that do not go with so many axes.
  func window(_ spec: LayerSpec, over bottom: Shape, from first: Int) throws -> SpatialWindow {
    var problems = Diagnostics()
    let axes = bottom.axes - first
    func resolve(_ field: AxisField) throws -> [Int] {
      try problems.keeping { try field.resolved(spec, axes, bottom) } ?? []
    }
    let window = try SpatialWindow(
      kernel: resolve(kernel), stride: resolve(stride), pad: resolve(pad),
      dilation: resolve(dilation))
    try problems.throwIfErrors()
    return window
  }

  /// The places of the window along the axes of `bottom` from `first` on.
  ///
  /// - Throws: diagnostics at the kernel where it does not fit.
  func places(
    _ spec: LayerSpec, of window: SpatialWindow, over bottom: Shape, from first: Int
  ) throws -> [Int] {
    var problems = Diagnostics()
    let sizes = bottom.dimensions[first...]
    let places = sizes.enumerated().map { axis, size in
      let places = size > 0 ? window.places(axis, of: size) : 0
      if places < 1 {
        let padding = window.pad[axis] == 0 ? "" : " (\(size + 2 * window.pad[axis]) with pad)"
        let kernel = window.kernel[axis]
        let dilation = window.dilation[axis]
        let reason = dilation == 1 ? "" : " (kernel \(kernel), dilation \(dilation))"
        problems.append(
          spec.error(
            "the output is empty: axis \(first + axis) of the bottom (\(bottom.display)) has "
              + "\(size) values\(padding), but the kernel spans \(window.span(axis))\(reason)",
            at: self.kernel.location,
            help: "use a smaller kernel, more pad or larger images"))
      }
      return places
    }
    try problems.throwIfErrors()
    return places
  }
}

/// A field that is given once for all spatial axes, or once for each, or as a pair `_h` and `_w`.
private struct AxisField {
  let name: String
  let values: [Int]
  let isPair: Bool
  let fallback: Int?
  let location: SourceRange?

  init(
    _ spec: LayerSpec, _ given: Message, _ name: String, pair: String? = nil, least: Int,
    fallback: Int? = nil, halfPair: Int? = nil, _ problems: inout Diagnostics
  ) throws {
    let pairNames = pair.map { ["\($0)_h", "\($0)_w"] } ?? []
    let givenNames = pairNames.filter(given.has)
    self.name = pairNames.isEmpty || givenNames.isEmpty ? name : pairNames.joined(separator: "/")
    self.fallback = fallback
    isPair = !givenNames.isEmpty
    location = given.location(givenNames.first ?? name)
    var values = given.ints(name)
    for (index, value) in values.enumerated() {
      try problems.keeping {
        try spec.checkSize(value, name, least: least, at: given.location(name, index))
      }
    }
    guard let first = givenNames.first else {
      self.values = values
      return
    }
    if !values.isEmpty {
      problems.append(
        spec.error(
          "\(name) and \(first) are both given", at: given.location(first),
          notes: [Note("\(name) is here", at: given.location(name))],
          help: "keep \(name), or \(pairNames.joined(separator: " and "))"))
    }
    values = try pairNames.map { field in
      guard given.has(field) else {
        if let halfPair { return halfPair }
        problems.append(
          spec.error(
            "\(first) is given without \(field)", at: given.location(first),
            help: "add \(field): …, or give \(name) for both"))
        return least
      }
      let value = given.int(field)
      try problems.keeping {
        try spec.checkSize(value, field, least: least, at: given.location(field))
      }
      return value
    }
    self.values = values
  }

  func resolved(_ spec: LayerSpec, _ axes: Int, _ bottom: Shape) throws -> [Int] {
    let word = axes == 1 ? "axis" : "axes"
    if isPair, axes != 2 {
      throw spec.error(
        "\(name) goes with 2 spatial axes, but the bottom (\(bottom.display)) has \(axes)",
        at: location, help: "give one value for all axes, or one for each, without _h and _w")
    }
    if values.isEmpty {
      guard let value = fallback ?? (axes == 0 ? 1 : nil) else {
        throw spec.error(
          "\(name) is missing", at: location ?? spec.message.location, help: "add \(name): …")
      }
      return Array(repeating: value, count: axes)
    }
    if values.count == 1 { return Array(repeating: values[0], count: axes) }
    guard values.count == axes else {
      throw spec.error(
        "\(name) is given \(values.count) times, but the bottom (\(bottom.display)) has \(axes) "
          + "spatial \(word)",
        at: location, help: "give it once for all axes, or once for each")
    }
    return values
  }
}
