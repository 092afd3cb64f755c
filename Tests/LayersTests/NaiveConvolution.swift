import Compute

/// A convolution of any number of axes as plain loops in double precision.
struct NaiveConvolution: CustomStringConvertible {
  var samples = 1
  var channels = 1
  var groups = 1
  var outputs = 1
  var hasBias = true
  var input: [Int] = []
  var kernel: [Int] = []
  var stride: [Int] = []
  var pad: [Int] = []
  var dilation: [Int] = []

  /// Something at random in which at least one window fits.
  init(seed: UInt64) {
    var random = RandomStream(seed: seed, purpose: "convolution")
    let axes = Int(seed % 4)
    groups = [1, 1, 2, 3][random.below(4)]
    samples = 1 + random.below(5)
    channels = groups * (1 + random.below(3))
    outputs = groups * (1 + random.below(4))
    hasBias = random.below(3) > 0
    for _ in 0..<axes {
      kernel.append(1 + random.below(3))
      stride.append(1 + random.below(3))
      pad.append(random.below(3))
      dilation.append(1 + random.below(2))
      let span = (kernel.last ?? 1) * 2
      input.append(span + random.below(4))
    }
    if random.below(5) == 0 {
      kernel = axes < 3 ? input : kernel.map { _ in 1 }
      stride = kernel.map { _ in 1 }
      dilation = stride
      pad = kernel.map { _ in 0 }
    }
  }

  var output: [Int] {
    input.indices.map {
      (input[$0] + 2 * pad[$0] - dilation[$0] * (kernel[$0] - 1) - 1) / stride[$0] + 1
    }
  }

  var description: String {
    "\(samples)×\(channels)×\(input) to \(outputs)×\(output) in \(groups), kernel \(kernel)"
  }

  /// The layer's text.
  var text: String {
    func list(_ name: String, _ values: [Int]) -> String {
      values.map { "\(name): \($0) " }.joined()
    }
    return "type: 'Convolution' convolution_param { num_output: \(outputs) group: \(groups) "
      + "bias_term: \(hasBias) " + list("kernel_size", kernel) + list("stride", stride)
      + list("pad", pad) + list("dilation", dilation)
      + "weight_filler { type: 'gaussian' } bias_filler { type: 'gaussian' } }"
  }

  /// Calls the body with the places in y, x and w of every product.
  func forEachProduct(_ body: (_ y: Int, _ x: Int, _ w: Int) -> Void) {
    let depth = channels / groups
    let taps = kernel.reduce(1, *)
    let places = output.reduce(1, *)
    for sample in 0..<samples {
      for m in 0..<outputs {
        for place in 0..<places {
          for c in 0..<depth {
            for tap in 0..<taps {
              guard let at = pixel(place, tap) else { continue }
              let channel = m / (outputs / groups) * depth + c
              body(
                (sample * outputs + m) * places + place,
                (sample * channels + channel) * input.reduce(1, *) + at,
                (m * depth + c) * taps + tap)
            }
          }
        }
      }
    }
  }

  /// The place in a channel that a tap sees, `nil` in the padding.
  private func pixel(_ place: Int, _ tap: Int) -> Int? {
    var (place, tap, at, step) = (place, tap, 0, 1)
    for axis in input.indices.reversed() {
      let coordinate =
        place % output[axis] * stride[axis] + tap % kernel[axis] * dilation[axis] - pad[axis]
      guard (0..<input[axis]).contains(coordinate) else { return nil }
      at += coordinate * step
      step *= input[axis]
      place /= output[axis]
      tap /= kernel[axis]
    }
    return at
  }
}
