import Compute
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// Parameters and shapes that nobody would write: they work or end in diagnostics, never the program.
@Suite struct OddParameterTests {
  /// A layer's fields, where `I` stands for a whole number, `U` for one without sign and `F` for any; and
  /// how many bottoms.
  static let templates: [(type: String, fields: String, bottoms: Int, tops: Int)] = [
    ("PReLU", "prelu_param { channel_shared: false filler { value: F } }", 1, 1),
    ("PReLU", "prelu_param { channel_shared: true }", 1, 1),
    ("ELU", "elu_param { alpha: F }", 1, 1), ("AbsVal", "", 1, 1), ("BNLL", "", 1, 1),
    ("Power", "power_param { power: F scale: F shift: F }", 1, 1),
    ("Exp", "exp_param { base: F scale: F shift: F }", 1, 1),
    ("Log", "log_param { base: F scale: F shift: F }", 1, 1),
    ("Threshold", "threshold_param { threshold: F }", 1, 1),
    ("Clip", "clip_param { min: F max: F }", 1, 1), ("Swish", "swish_param { beta: F }", 1, 1),
    ("Reshape", "reshape_param { axis: I num_axes: I shape { dim: I dim: I } }", 1, 1),
    ("Reshape", "reshape_param { axis: I shape { dim: I dim: I dim: I } }", 1, 1),
    ("Slice", "slice_param { axis: I slice_point: U }", 1, 2),
    ("Slice", "slice_param { axis: I }", 1, 3), ("Slice", "slice_param { slice_dim: U }", 1, 1),
    ("Tile", "tile_param { axis: I tiles: I }", 1, 1),
    ("Reduction", "reduction_param { axis: I coeff: F operation: MEAN }", 1, 1),
    ("Reduction", "reduction_param { axis: I coeff: F operation: ASUM }", 1, 1),
    ("ArgMax", "argmax_param { axis: I top_k: U out_max_val: true }", 1, 1),
    ("ArgMax", "argmax_param { top_k: U out_max_val: true }", 1, 1),
    ("BatchReindex", "", 2, 1), ("Filter", "", 2, 1), ("Filter", "", 3, 2),
    ("Im2col", "convolution_param { axis: I kernel_size: U stride: U pad: U dilation: U }", 1, 1),
    (
      "Im2col",
      "convolution_param { kernel_h: U kernel_w: U stride_h: U stride_w: U pad_h: U pad_w: U }", 1,
      1
    ),
    ("SPP", "spp_param { pyramid_height: U pool: AVE }", 1, 1),
    ("SPP", "spp_param { pyramid_height: U pool: STOCHASTIC }", 1, 1),
    ("Crop", "crop_param { axis: I offset: U }", 2, 1),
    ("Crop", "crop_param { axis: I offset: U offset: U }", 2, 1),
    ("Embed", "embed_param { num_output: 3 input_dim: 4 }", 1, 1),
  ]

  private static let integers = [
    Int(Int32.min), -7, -4, -2, -1, 0, 0, 1, 1, 1, 2, 2, 3, 4, 6, 40, Int(Int32.max),
  ]
  private static let counts = [0, 1, 1, 1, 2, 2, 3, 4, 7, 40, Int(UInt32.max), Int(Int32.max)]
  private static let numbers = [
    "0", "-0", "1", "-1", "2", "0.5", "-3.5", "1e30", "-1e30", "1e-40", "inf", "-inf", "nan",
  ]
  private static let shapes = [
    [], [0], [1], [3], [4, 6], [2, 3], [0, 3], [3, 0], [2, 3, 4], [2, 0, 4, 4], [0, 2, 4, 4],
    [2, 3, 4, 4], [1, 2, 9, 5], [2, 2, 8, 8], [2, 1, 3, 2, 2], [1, 1, 1, 1, 1, 1],
  ]

  @Test("odd parameters and shapes work or are refused", arguments: templates.indices)
  func odd(_ number: Int) throws {
    let template = Self.templates[number]
    var random = RandomStream(seed: 11, purpose: "\(number) \(template.fields)")
    func pick<Value>(_ values: [Value]) -> Value { values[random.below(values.count)] }
    var worked = 0
    for _ in 0..<600 {
      var fields = ""
      for word in template.fields.split(separator: " ") {
        switch word {
        case "I": fields += " \(pick(Self.integers))"
        case "U": fields += " \(pick(Self.counts))"
        case "F": fields += " \(pick(Self.numbers))"
        default: fields += " \(word)"
        }
      }
      var text = "force_backward: true\n"
      var layer = "layer { name: 'l' type: '\(template.type)'"
      let first = pick(Self.shapes)
      for index in 0..<template.bottoms {
        // Bottoms often have to have something in common.
        let shape = index == 0 || random.below(3) == 0 ? first : pick(Self.shapes)
        let last = random.below(2) == 0 && index == template.bottoms - 1 && index > 0
        let sizes = (last ? Array(first.prefix(1)) : shape).map { "dim: \($0) " }.joined()
        text += "layer { name: 'x\(index)' type: 'Input' top: 'x\(index)' "
        text += "input_param { shape { \(sizes)} } }\n"
        layer += " bottom: 'x\(index)'"
      }
      for index in 0..<template.tops { layer += " top: 'y\(index)'" }
      worked += try run(text + layer + fields + " }", &random) ? 1 : 0
    }
    #expect(worked > 0, "\(template.type) \(template.fields): no set of parameters was taken")
  }

  /// Runs a net forward, backward and, where it can, with a batch of another size; `false` if it is refused.
  private func run(_ text: String, _ random: inout RandomStream) throws -> Bool {
    do {
      let net = try Net(
        TextFormat.parse(text, as: .net),
        options: Net.Options(
          state: NetState(phase: .train), context: LayerContext(workers: Workers(count: 2))))
      for round in 0..<2 {
        for input in net.inputs {
          if round == 1, input.shape.axes > 0 {
            var shape = input.shape
            shape[0] = 3
            input.reshape(shape)
          }
          for place in 0..<input.count {
            let odd = random.below(9)
            input.values[place] =
              odd == 0 ? .nan : odd == 1 ? .infinity : odd == 2 ? -1e30 : Float(random.below(4) - 1)
          }
        }
        if round == 1 { try net.reshape() }
        for index in 0..<net.inputs.count where index > 0 {
          let input = net.inputs[index]
          for place in 0..<input.count { input.values[place] = Float(random.below(2)) }
        }
        try net.forward()
        net.clearParameterGradients()
        for top in net.outputs { top.gradient.update(repeating: 1, count: top.count) }
        net.backward()
      }
      return true
    } catch is Diagnostics {
      return false
    } catch is Diagnostic {
      return false
    }
  }
}
