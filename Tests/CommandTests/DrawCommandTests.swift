import Foundation
import Testing

@testable import netrun

@Suite("netrun draw")
struct DrawCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write(Self.net, "model.txt")
  }

  private static let net = """
    name: "Tiny <net>"
    layer { name: "d" type: "DummyData" top: "data" top: "label" include { phase: TRAIN }
      dummy_data_param { shape { dim: 8 dim: 1 dim: 9 dim: 9 } shape { dim: 8 } } }
    layer { name: "d" type: "DummyData" top: "data" top: "label" include { phase: TEST }
      dummy_data_param { shape { dim: 5 dim: 1 dim: 9 dim: 9 } shape { dim: 5 } } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
      convolution_param { num_output: 6 kernel_size: 3 stride: 2 } }
    layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
    layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" include { phase: TRAIN } }
    layer { name: "a" type: "InnerProduct" bottom: "conv" top: "a" param { name: "w" }
      inner_product_param { num_output: 96 bias_term: false } }
    layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" param { name: "w" }
      inner_product_param { num_output: 96 bias_term: false } }
    layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
    layer { name: "acc" type: "Accuracy" bottom: "sum" bottom: "label" top: "acc" include { phase: TEST } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
    """

  private func draw(_ arguments: String) throws -> (svg: String, result: Program.Result) {
    let result = try Program.run("draw model.txt \(arguments) -o net.svg", in: folder.url)
    #expect(result.status == 0, "\(result.errors)")
    return (try folder.text("net.svg"), result)
  }

  private func count(_ text: String, in svg: String) -> Int {
    svg.components(separatedBy: text).count - 1
  }

  @Test("Both phases in one, with what belongs to one alone, in-place layers and shared weights")
  func both() throws {
    let (svg, result) = try draw("")
    #expect(result.out == "net.svg: 8 layers at TRAIN, 8 layers at TEST\n")
    #expect(svg.contains(">Tiny &lt;net&gt;<") && svg.contains(">Convolution · 6, 3×3 / 2<"))
    // One convolution, two sources of data; dropout only where there is training.
    #expect(count(">conv</text>", in: svg) == 1 && count(">d</text>", in: svg) == 2)
    #expect(count(">TRAIN<", in: svg) == 2 && count(">TEST<", in: svg) == 2)
    #expect(count(">weights of a<", in: svg) == 1 && count(">shared weights<", in: svg) == 1)
    // The caption and what is behind it.
    #expect(count(">8×6×4×4<", in: svg) == 2)
    // Arrows: data twice, conv to a, a to b and sum, b, sum twice, two labels.
    #expect(count("<path", in: svg) == 2 * 10)
  }

  @Test("One phase, and from left to right")
  func phase() throws {
    let (svg, result) = try draw("--phase test --direction right")
    #expect(result.out == "net.svg: 8 layers at TEST\n")
    #expect(!svg.contains(">drop<") && svg.contains(">5×6×4×4<") && !svg.contains(">TEST<"))
  }

  @Test("Without data and shapes the layers are drawn all the same, wired in the same way")
  func unknown() throws {
    let text = Self.net.replacing("DummyData", with: "Data")
      .replacing(
        /dummy_data_param \{ .* \} \}/, with: "data_param { source: 'none' batch_size: 4 } }")
    try folder.write(text, "far.txt")
    let (known, _) = try draw("")
    let result = try Program.run("draw far.txt -o far.svg", in: folder.url)
    #expect(result.status == 0 && result.out.contains("8 layers at TRAIN, 8 layers at TEST"))
    #expect(result.errors.contains("the shapes are not known; give it: --shape data="))
    let svg = try folder.text("far.svg")
    #expect(count("<path", in: svg) == count("<path", in: known))
    for word in [">weights of a<", ">shared weights<", ">TRAIN<", ">conv</text>"] {
      #expect(count(word, in: svg) == count(word, in: known), "\(word)")
    }
    #expect(!svg.contains("×4×4<"))
    let unused = try Program.run("draw far.txt --shape dat=1,2 -o a.svg", in: folder.url)
    #expect(unused.status == 64 && unused.errors.contains("did you mean 'data'?"))
  }

  @Test("A page, a solver, and what is wrong")
  func others() throws {
    try folder.write("net: 'model.txt' base_lr: 1 lr_policy: 'fixed' max_iter: 1", "solver.txt")
    let page = try Program.run("draw solver.txt -o net.html", in: folder.url)
    #expect(page.status == 0, "\(page.errors)")
    #expect(try folder.text("net.html").contains("<svg"))
    #expect(try Program.run("draw model.txt --phase x -o a.svg", in: folder.url).status == 64)
    #expect(try Program.run("draw no.txt -o a.svg", in: folder.url).status == 66)
    #expect(try Program.run("draw model.txt -o a.png", in: folder.url).status == 64)
    try folder.write("layer { name: 'x' type: 'ReLU' bottom: 'none' top: 'y' }", "bad.txt")
    let bad = try Program.run("draw bad.txt -o a.svg", in: folder.url)
    #expect(bad.status == 65 && bad.errors.contains("bad.txt:1"))
  }
}
