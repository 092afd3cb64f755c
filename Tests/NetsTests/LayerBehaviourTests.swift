import Compute
import Foundation
import Layers
import Nets
import Prototxt
import Schema
import Testing

/// What layers do that neither gradients nor Caffe's values show.
@Suite struct LayerBehaviourTests {
  private func net(
    _ text: String, phase: Phase = .train, threads: Int = 1, seed: UInt64 = 7
  ) throws -> Net {
    try Net(
      TextFormat.parse(text, as: .net),
      options: Net.Options(
        state: NetState(phase: phase),
        context: LayerContext(workers: Workers(count: threads), seed: seed)))
  }

  private func scored(_ layer: String) -> String {
    """
    layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 3 dim: 10 } } }
    layer { name: 't' type: 'Input' top: 't' input_param { shape { dim: 3 } } }
    layer { name: 'l' bottom: 'x' bottom: 't' top: 'y' \(layer) }
    """
  }

  // MARK: Labels

  @Test(
    "a label that names no class is an error, with the classes there are",
    arguments: [
      (Float(10), "10"), (-1, "-1"), (255, "255"), (.nan, "nan"), (1e30, "1e+30"),
      (-.infinity, "-inf"), (10.5, "10.5"),
    ], ["SoftmaxWithLoss", "Accuracy"])
  func labelOutside(_ label: (value: Float, text: String), type: String) throws {
    let net = try net(scored("type: '\(type)'"))
    net.blob("t")?.assign([3, label.value, 0])
    let found = #expect(throws: Diagnostic.self) { try net.forward() }
    #expect(
      found?.message == "layer 'l' (\(type)): label \(label.text) is outside the 10 classes 0…9")
    #expect(found?.help?.contains("ignore_label") == true)
  }

  @Test(
    "labels are cut to whole numbers, and may be ignored", arguments: [-0.9, 9.9, 255] as [Float])
  func labelCut(_ label: Float) throws {
    let net = try net(scored("type: 'SoftmaxWithLoss' loss_param { ignore_label: 255 }"))
    net.blob("t")?.assign([label, label, label])
    net.blob("x")?.assign((0..<30).map { Float($0 % 10) })
    let loss = try net.forward()
    let sum = (0..<10).reduce(0.0) { $0 + exp(Double($1 - 9)) }
    let expected = label == 255 ? 0 : (label < 0 ? 9 : 0) + log(sum)
    #expect(abs(Double(loss) - expected) < 1e-5)
  }

  @Test("a class without any probability costs 87.3365")
  func clampedLoss() throws {
    let net = try net(scored("type: 'SoftmaxWithLoss'"))
    net.blob("t")?.assign([1, 1, 1])
    net.blob("x")?.assign((0..<30).map { $0 % 10 == 0 ? 1e6 : 0 })
    #expect(abs(try net.forward() - 87.3365) < 1e-4)
  }

  @Test("the second top of SoftmaxWithLoss holds the probabilities")
  func probabilities() throws {
    let net = try net(scored("type: 'SoftmaxWithLoss' top: 'p'"))
    net.blob("x")?.assign((0..<30).map { Float($0 % 7) })
    try net.forward()
    let p = try #require(net.blob("p"))
    #expect(p.shape == [3, 10])
    for row in 0..<3 {
      #expect(abs(p.array[row * 10..<row * 10 + 10].reduce(0, +) - 1) < 1e-6)
    }
  }

  @Test("scores that are NaN are never right")
  func accuracyOfNaN() throws {
    let net = try net(scored("type: 'Accuracy'"))
    net.blob("x")?.assign([Float](repeating: .nan, count: 30))
    try net.forward()
    #expect(net.blob("y")?.array == [0])
  }

  // MARK: Dropout

  private let dropout = """
    force_backward: true
    layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 50 dim: 80 } } }
    layer { name: 'l' type: 'Dropout' bottom: 'x' top: 'y' dropout_param { dropout_ratio: 0.3 } }
    """

  private func ones(_ net: Net) { net.blob("x")?.assign([Float](repeating: 1, count: 4000)) }

  private func masks(_ net: Net, _ passes: Int) throws -> [[Float]] {
    try (0..<passes).map { _ in
      ones(net)
      try net.forward()
      return try #require(net.blob("y")).array
    }
  }

  @Test("dropout drops its share, scales the rest, and draws anew in each pass")
  func dropoutShare() throws {
    let masks = try masks(try net(dropout), 2)
    #expect(masks[0] != masks[1])
    for mask in masks {
      #expect(Set(mask) == [0, 1 / 0.7])
      let dropped = mask.count { $0 == 0 }
      #expect((1100...1300).contains(dropped), "\(dropped) of 4000")
    }
  }

  @Test("the gradient goes where the value went")
  func dropoutGradient() throws {
    let net = try net(dropout)
    let mask = try masks(net, 3)[2]
    let y = try #require(net.blob("y"))
    y.gradient.update(repeating: 1, count: y.count)
    net.backward()
    #expect(net.blob("x")?.gradientArray == mask)
  }

  @Test("a resumed run drops what an uninterrupted one drops")
  func dropoutResume() throws {
    let whole = try masks(try net(dropout), 5)
    let first = try net(dropout)
    _ = try masks(first, 3)
    let second = try net(dropout)
    second.node("l")?.layer.state = try #require(first.node("l")).layer.state
    #expect(try masks(second, 2) == Array(whole[3...]))
    #expect(try masks(try net(dropout, seed: 8), 5) != whole)
  }

  @Test("dropout does nothing at TEST")
  func dropoutTest() throws {
    let net = try net(dropout, phase: .test)
    #expect(try masks(net, 1)[0].allSatisfy { $0 == 1 })
    #expect(net.node("l")?.layer.state.isEmpty == true)
  }

  // MARK: DummyData

  private let dummy = """
    layer { name: 'd' type: 'DummyData' top: 'a' top: 'b' dummy_data_param {
      shape { dim: 4 } shape { dim: 2 dim: 3 }
      data_filler { type: 'constant' value: 2 } data_filler { type: 'gaussian' } } }
    """

  @Test("constant tops are filled once, random ones in each pass, and go on after a resume")
  func dummyData() throws {
    func draw(_ net: Net, _ passes: Int) throws -> [[Float]] {
      try (0..<passes).map { _ in
        try net.forward()
        return try #require(net.blob("b")).array
      }
    }
    let net = try net(dummy)
    let drawn = try draw(net, 2)
    #expect(net.blob("a")?.array == [2, 2, 2, 2])
    #expect(net.blob("b")?.shape == [2, 3])
    #expect(drawn[0] != drawn[1])
    net.blob("a")?.assign([1, 1, 1, 1])
    let state = try #require(net.node("d")).layer.state
    let later = try draw(net, 2)
    #expect(net.blob("a")?.array == [1, 1, 1, 1])
    let resumed = try self.net(dummy)
    resumed.node("d")?.layer.state = state
    #expect(try draw(resumed, 2) == later)
    #expect(resumed.blob("a")?.array == [2, 2, 2, 2])
  }

  // MARK: Shapes

  @Test("Flatten shares its bottom's memory")
  func flattenShares() throws {
    let net = try net(
      """
      layer { name: 'x' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 dim: 4 } } }
      layer { name: 'l' type: 'Flatten' bottom: 'x' top: 'y' }
      """)
    let x = try #require(net.blob("x"))
    let y = try #require(net.blob("y"))
    #expect(y.shape == [2, 12] && y.sharesValues(with: x))
    x.reshape([5, 3, 40])
    try net.reshape()
    #expect(y.shape == [5, 120] && y.sharesValues(with: x))
    try net.forward()
  }

  @Test(
    "layers take new shapes, larger and smaller, and an empty batch",
    arguments: LayerCase.withBottoms)
  func reshapes(_ layer: LayerCase) throws {
    let net = try layer.net()
    for repeats in [1, 5, 0, 2] {
      for (index, bottom) in layer.sample.bottoms.enumerated() {
        net.blob("x\(index)")?.reshape(layer.shape(bottom, repeats))
      }
      do { try net.reshape() } catch { return }  // Parameters may fix the first axis.
      layer.setInputs(of: net, repeats)
      try net.forward()
      try net.tested.setTopGradients()
      net.backward()
      guard let fresh = try? layer.net(.init(repeats: repeats)) else { return }
      layer.setInputs(of: fresh, repeats)
      guard net.nodes.allSatisfy({ $0.layer.state.isEmpty }) else { continue }  // Passes differ.
      for (parameter, values) in zip(fresh.parameters, net.parameters) {
        parameter.blob.assign(values.blob.array)
      }
      try fresh.forward()
      for (a, b) in zip(try net.tested.tops, try fresh.tested.tops) {
        #expect(
          a.array.map(\.bitPattern) == b.array.map(\.bitPattern),
          "\(layer.testDescription) × \(repeats)")
      }
    }
  }
}
