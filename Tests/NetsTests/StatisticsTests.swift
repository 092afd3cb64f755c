import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// What BatchNorm, Scale, the losses and the recurrent layers do beside gradients and Caffe's values.
@Suite struct StatisticsTests {
  private func net(
    _ text: String, phase: Phase = .train, opensSources: Bool = true, folder: String? = nil
  ) throws -> Net {
    let context = LayerContext(
      workers: Workers(count: 2), seed: 7, files: FileResolver(folder: folder),
      opensSources: opensSources)
    return try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(state: NetState(phase: phase), context: context))
  }

  private func input(_ name: String, _ sizes: Int...) -> String {
    let dims = sizes.map { "dim: \($0) " }.joined()
    return "layer { name: '\(name)' type: 'Input' top: '\(name)' "
      + "input_param { shape { \(dims)} } }\n"
  }

  private func wave(_ count: Int, _ step: Float = 1) -> [Float] {
    (0..<count).map { sin(Float($0) * step) }
  }

  // MARK: BatchNorm

  @Test("statistics grow with every pass in training and are used in tests")
  func statistics() throws {
    let text = input("x", 4, 2) + "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'y' }"
    let training = try net(text)
    let values: [Float] = [1, 10, 2, 10, 3, 10, 6, 10]
    training.blob("x")?.assign(values)
    for _ in 0..<2 { try training.forward() }
    let learned = try #require(training.node("n")?.layer.parameters)
    // Σ (x − 3)² = 14 over 4 values: the unbiased variance is 14 / 3.
    let weight = 1 + 0.999 as Float
    #expect(learned[2].array == [weight])
    for (got, wanted) in zip(learned[0].array, [3 * weight, 10 * weight]) {
      #expect(abs(got - wanted) < 1e-4)
    }
    #expect(abs(learned[1].array[0] - 14 / 3 * weight) < 1e-4)
    #expect(learned[1].array[1] == 0)
    let testing = try net(text, phase: .test)
    let fresh = try #require(testing.node("n")?.layer.parameters)
    for (blob, source) in zip(fresh, learned) { blob.assign(source.array) }
    testing.blob("x")?.assign(values)
    try testing.forward()
    #expect(fresh.map(\.array) == learned.map(\.array))
    let y = try #require(testing.blob("y")).array
    #expect(abs(y[0] - -2 / (14.0 / 3 as Float).squareRoot()) < 1e-4)
    #expect(abs(y[1]) < 1e-3)
  }

  @Test("an empty batch leaves the statistics alone")
  func emptyBatch() throws {
    let net = try net(
      input("x", 0, 2) + "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'y' }")
    try net.forward()
    #expect(net.parameters.flatMap(\.blob.array) == [0, 0, 0, 0, 0])
  }

  @Test("the three parameters are never learned, and keep the decay that is given")
  func rates() throws {
    func parameters(_ entries: String) throws -> [Parameter] {
      try net(
        input("x", 4, 2) + "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: 'y' \(entries) }"
      ).parameters
    }
    #expect(try parameters("").map(\.rate) == [0, 0, 0])
    #expect(try parameters("").map(\.decay) == [1, 1, 1])
    let given = try parameters("param { lr_mult: 0 decay_mult: 0 } param { lr_mult: 0 }")
    #expect(given.map(\.rate) == [0, 0, 0])
    #expect(given.map(\.decay) == [0, 1, 1])
  }

  @Test("in place before an in-place Scale the gradient is that of two layers apart")
  func chains() throws {
    func gradients(_ y: String, _ z: String) throws -> [[Float]] {
      let net = try net(
        "force_backward: true\n" + input("d", 3, 4, 5)
          + "layer { name: 'x' type: 'Bias' bottom: 'd' top: 'x' }"
          + "layer { name: 'n' type: 'BatchNorm' bottom: 'x' top: '\(y)' }"
          + "layer { name: 's' type: 'Scale' bottom: '\(y)' top: '\(z)' "
          + "scale_param { bias_term: true filler { type: 'uniform' min: 0.5 max: 2 } } }"
          + "layer { name: 'r' type: 'ReLU' bottom: '\(z)' top: '\(z)' }")
      net.blob("d")?.assign(wave(60))
      try net.forward()
      let top = try #require(net.blob(z))
      top.gradient.update(from: wave(60, 0.7), count: 60)
      net.clearParameterGradients()
      net.backward()
      let bottom = try #require(net.blob("d")).gradientArray
      return [bottom] + net.parameters.map(\.blob.gradientArray)
    }
    // In place, the normalisation does the scaling too, and rounds otherwise.
    for (apart, inPlace) in zip(try gradients("y", "z"), try gradients("x", "x")) {
      #expect(zip(apart, inPlace).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) })
    }
  }

  @Test("gradients of parameters add up, also where Caffe overwrites them")
  func adding() throws {
    let net = try net(
      "force_backward: true\n" + input("x", 1, 3)
        + "layer { name: 's' type: 'Scale' bottom: 'x' top: 'y' scale_param { axis: 0 num_axes: -1 } }"
    )
    net.blob("x")?.assign([1, 2, 3])
    try net.forward()
    let y = try #require(net.blob("y"))
    net.clearParameterGradients()
    for _ in 0..<2 {
      y.gradient.update(from: [1, 1, 2], count: 3)
      net.backward()
    }
    #expect(net.parameters[0].blob.gradientArray == [2, 4, 12])
  }

  // MARK: Losses

  @Test(
    "a label that names no class is an error in every loss of labels",
    arguments: ["HingeLoss", "MultinomialLogisticLoss", "InfogainLoss"], [-1, 3, .nan] as [Float])
  func labels(_ type: String, _ label: Float) throws {
    let matrix = type == "InfogainLoss" ? "bottom: 'h'" : ""
    let net = try net(
      input("x", 3, 3) + input("t", 3) + input("h", 3, 3)
        + "layer { name: 'l' type: '\(type)' bottom: 'x' bottom: 't' \(matrix) top: 'y' }")
    net.blob("t")?.assign([0, 2, label])
    let found = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(found?.message.hasSuffix("is outside the 3 classes 0…2") == true)
  }

  @Test("where all is ignored the loss is 0, and so is the gradient")
  func allIgnored() throws {
    for type in ["SigmoidCrossEntropyLoss", "InfogainLoss"] {
      let isMatrix = type == "InfogainLoss"
      let net = try net(
        "force_backward: true\n" + input("x", 2, 3)
          + (isMatrix ? input("t", 2) + input("h", 3, 3) : input("t", 2, 3))
          + "layer { name: 'l' type: '\(type)' bottom: 'x' bottom: 't' top: 'y' "
          + (isMatrix ? "bottom: 'h' " : "")
          + "loss_param { ignore_label: -7 normalization: VALID } }")
      net.blob("x")?.assign(wave(6))
      net.blob("t")?.assign([Float](repeating: -7, count: 6))
      net.blob("h")?.assign(wave(9))
      #expect(try net.forward() == 0)
      net.backward()
      #expect(net.blob("x")?.gradientArray == [Float](repeating: 0, count: 6))
    }
  }

  @Test("a matrix of another size in the file is refused, and none is read if nothing is opened")
  func matrixFile() throws {
    let text =
      input("x", 4, 5) + input("t", 4)
      + "layer { name: 'l' type: 'InfogainLoss' bottom: 'x' bottom: 't' top: 'y' "
      + "infogain_loss_param { source: 'infogain_loss_file_H.blob' } }"
    let folder = packageFolder.appending(path: "Tests/Goldens/layers").path
    let found = #expect(throws: Diagnostics.self) { _ = try net(text, folder: folder) }
    let message = found?.all.first?.message ?? ""
    #expect(message.hasSuffix("but 'x' (4×5) has 5 classes along axis 1"), "\(message)")
    let unopened = try net(text, opensSources: false)
    let fault = #expect(throws: Diagnostic.self) { try unopened.forward() }
    #expect(fault?.message.contains("was not read") == true)
  }

  @Test("a similarity that is no number is an error")
  func similarity() throws {
    let net = try net(
      input("a", 2, 3) + input("b", 2, 3) + input("s", 2)
        + "layer { name: 'l' type: 'ContrastiveLoss' bottom: 'a' bottom: 'b' bottom: 's' top: 'y' }"
    )
    net.blob("s")?.assign([1, .nan])
    let found = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(found?.message.contains("does not tell whether a pair is alike") == true)
  }

  // MARK: Recurrent layers

  private func recurrent(_ type: String, steps: Int, sequences: Int = 2, behind: String = "")
    -> String
  {
    "force_backward: true\n" + input("x", steps, sequences, 3) + input("cont", steps, sequences)
      + "layer { name: 'r' type: '\(type)' bottom: 'x' bottom: 'cont' top: 'h' recurrent_param { "
      + "num_output: 4 weight_filler { type: 'uniform' min: -0.6 max: 0.6 } "
      + "bias_filler { type: 'uniform' min: -0.3 max: 0.3 } } }\n" + behind
  }

  @Test("state is carried: two halves give what the whole gives", arguments: ["LSTM", "RNN"])
  func carrying(_ type: String) throws {
    let x = wave(6 * 2 * 3)
    let whole = try net(recurrent(type, steps: 6))
    whole.blob("x")?.assign(x)
    whole.blob("cont")?.assign([0, 0] + [Float](repeating: 1, count: 10))
    try whole.forward()
    let halves = try net(recurrent(type, steps: 3))
    var found: [Float] = []
    for part in 0..<2 {
      halves.blob("x")?.assign(Array(x[part * 18..<part * 18 + 18]))
      halves.blob("cont")?.assign([0, 0].map { part == 0 ? $0 : 1 } + [1, 1, 1, 1])
      try halves.forward()
      found += halves.blob("h")?.array ?? []
    }
    let wanted = try #require(whole.blob("h")).array
    #expect(zip(found, wanted).allSatisfy { abs($0 - $1) < 1e-6 } && found.count == wanted.count)
  }

  @Test("a net goes on from the state that another had", arguments: ["LSTM", "RNN"])
  func resuming(_ type: String) throws {
    let nets = try (0..<2).map { _ in try net(recurrent(type, steps: 3)) }
    func run(_ net: Net, _ pass: Int) throws -> [Float] {
      net.blob("x")?.assign(wave(18, Float(pass + 1)))
      net.blob("cont")?.assign([Float](repeating: 1, count: 6))
      try net.forward()
      return net.blob("h")?.array ?? []
    }
    _ = try run(nets[0], 0)
    #expect(nets[1].restore(nets[0].runState).isEmpty)
    #expect(try run(nets[0], 1) == run(nets[1], 1))
  }

  @Test("time steps cannot change, sequences can and begin anew", arguments: ["LSTM", "RNN"])
  func reshaping(_ type: String) throws {
    let net = try net(recurrent(type, steps: 3))
    func run(_ sequences: Int) throws -> [Float] {
      net.blob("x")?.reshape([3, sequences, 3])
      net.blob("cont")?.reshape([3, sequences])
      try net.reshape()
      net.blob("x")?.assign(wave(9 * sequences))
      net.blob("cont")?.assign([Float](repeating: 1, count: 3 * sequences))
      try net.forward()
      return net.blob("h")?.array ?? []
    }
    let first = try run(1)
    _ = try run(3)
    #expect(try run(1) == first)
    net.blob("x")?.reshape([4, 1, 3])
    net.blob("cont")?.reshape([4, 1])
    let found = #expect(throws: Diagnostic.self) { try net.reshape() }
    #expect(
      found?.message.hasSuffix("was built for 3 time steps, but the bottoms now have 4") == true)
  }

  @Test(
    "a layer that changes the top in place leaves the gradient right", arguments: ["LSTM", "RNN"])
  func changedTop(_ type: String) throws {
    func gradients(_ top: String) throws -> [[Float]] {
      let behind =
        "layer { name: 'b' type: 'Scale' bottom: 'h' top: '\(top)' "
        + "scale_param { filler { value: -3 } } }"
      let net = try net(recurrent(type, steps: 3, behind: behind))
      net.blob("x")?.assign(wave(18))
      net.blob("cont")?.assign([0, 0, 1, 1, 1, 0])
      try net.forward()
      net.blob(top)?.gradient.update(from: wave(24, 0.3), count: 24)
      net.clearParameterGradients()
      net.backward()
      return [net.blob("x")?.gradientArray ?? []] + net.parameters.map(\.blob.gradientArray)
    }
    #expect(try gradients("y") == gradients("h"))
  }
}
