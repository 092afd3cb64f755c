import Compute
import Layers
import Prototxt
import Schema
import Testing

@testable import Nets

@Suite("Blobs with several users")
struct SplitTests {
  /// The layers after insertion, as `name: bottoms > tops`, with loss weights where there are any.
  private func inserted(_ text: String) throws -> [String] {
    SplitInsertion.insert(try TextFormat.parse(text, as: .net).messages("layer")).map {
      let layer = $0.message
      let weights = layer.floats("loss_weight").map { "\($0)" }.joined(separator: " ")
      return layer.string("name") + ": " + layer.strings("bottom").joined(separator: " ") + " > "
        + layer.strings("top").joined(separator: " ") + (weights.isEmpty ? "" : " * " + weights)
    }
  }

  private func line(_ name: String, _ bottoms: String, _ tops: String, _ rest: String = "")
    -> String
  {
    let parts = { (text: String) in text.split(separator: " ").map(String.init) }
    return Graph.layer("Any", name, parts(bottoms), parts(tops), rest)
  }

  @Test("One user of each blob: nothing is inserted")
  func none() throws {
    let text = line("data", "", "x label") + line("ip", "x", "y") + line("loss", "y label", "")
    #expect(try inserted(text) == ["data:  > x label", "ip: x > y", "loss: y label > "])
  }

  @Test("Names of layers and blobs, users in the order of the file")
  func names() throws {
    let text =
      line("data", "", "x label") + line("ip", "x", "y") + line("loss", "y label", "l")
      + line("accuracy", "y label", "a")
    #expect(
      try inserted(text) == [
        "data:  > x label",
        "label_data_1_split: label > label_data_1_split_0 label_data_1_split_1",
        "ip: x > y", "y_ip_0_split: y > y_ip_0_split_0 y_ip_0_split_1",
        "loss: y_ip_0_split_0 label_data_1_split_0 > l",
        "accuracy: y_ip_0_split_1 label_data_1_split_1 > a",
      ])
  }

  @Test("A layer that uses one blob twice counts twice")
  func twice() throws {
    let text = line("data", "", "x") + line("sum", "x x", "y")
    #expect(
      try inserted(text) == [
        "data:  > x", "x_data_0_split: x > x_data_0_split_0 x_data_0_split_1",
        "sum: x_data_0_split_0 x_data_0_split_1 > y",
      ])
  }

  @Test("Two tops of one layer are split each for itself")
  func twoTops() throws {
    let text =
      line("data", "", "x y") + line("a", "x y", "a") + line("b", "x y", "b") + line("c", "y", "c")
    #expect(
      try inserted(text) == [
        "data:  > x y", "x_data_0_split: x > x_data_0_split_0 x_data_0_split_1",
        "y_data_1_split: y > y_data_1_split_0 y_data_1_split_1 y_data_1_split_2",
        "a: x_data_0_split_0 y_data_1_split_0 > a", "b: x_data_0_split_1 y_data_1_split_1 > b",
        "c: y_data_1_split_2 > c",
      ])
  }

  @Test("In place: the split follows the layer that changed the blob last")
  func inPlace() throws {
    let text =
      line("data", "", "x") + line("ip", "x", "y") + line("relu", "y", "y") + line("a", "y", "a")
      + line("b", "y", "b")
    #expect(
      try inserted(text) == [
        "data:  > x", "ip: x > y", "relu: y > y",
        "y_relu_0_split: y > y_relu_0_split_0 y_relu_0_split_1", "a: y_relu_0_split_0 > a",
        "b: y_relu_0_split_1 > b",
      ])
  }

  @Test("A loss weight on a blob that is used is a user, and goes to the split's first top")
  func lossWeight() throws {
    let text =
      line("data", "", "x") + line("ip", "x", "y", "loss_weight: 2") + line("a", "y", "a")
    #expect(
      try inserted(text) == [
        "data:  > x", "ip: x > y", "y_ip_0_split: y > y_ip_0_split_0 y_ip_0_split_1 * 2.0 0.0",
        "a: y_ip_0_split_1 > a",
      ])
    let unused = line("data", "", "x") + line("ip", "x", "y", "loss_weight: 2")
    #expect(try inserted(unused) == ["data:  > x", "ip: x > y * 2.0"])
    let zero =
      line("data", "", "x") + line("ip", "x", "y", "loss_weight: 0") + line("a", "y", "a")
    #expect(try inserted(zero) == ["data:  > x", "ip: x > y * 0.0", "a: y > a"])
  }

  @Test("As in Caffe, a layer's other loss weights fall away with the one that moves")
  func twoLossWeights() throws {
    let text =
      line("data", "", "x") + line("two", "x", "y z", "loss_weight: 2 loss_weight: 3")
      + line("a", "y", "a")
    #expect(
      try inserted(text) == [
        "data:  > x", "two: x > y z",
        "y_two_0_split: y > y_two_0_split_0 y_two_0_split_1 * 2.0 0.0",
        "a: y_two_0_split_1 > a",
      ])
  }

  @Test("The split's first top with a loss weight is an output of the net")
  func lossOutput() throws {
    let text =
      Graph.data(["x"]) + Graph.product("ip", "x", "y", 2, "loss_weight: 3")
      + Graph.layer("ReLU", "relu", ["y"], ["z"])
    let net = try Graph.net(text)
    #expect(net.outputs.map(\.name) == ["y_ip_0_split_0", "z"])
    let loss = try net.forward()
    let sum = try #require(net.blob("y")).array.reduce(0, +)
    #expect(abs(loss - 3 * sum) < 1e-4)
    net.backward()
    // What comes back is the weight alone, since nothing else is under a loss.
    #expect(try #require(net.blob("y")).gradientArray.allSatisfy { $0 == 3 })
  }

  @Test("Gradients of all users are added up")
  func sums() throws {
    let text =
      "force_backward: true\n"
      + "layer { name: 'in' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }\n"
      + (1...3).map { Graph.layer("TanH", "t\($0)", ["x"], ["y\($0)"], "loss_weight: \($0)") }
      .joined()
    let net = try Graph.net(text)
    let x = try #require(net.blob("x"))
    x.assign([-1, -0.5, 0, 0.25, 0.5, 2])
    try net.forward()
    net.backward()
    for (value, gradient) in zip(x.array, x.gradientArray) {
      let e = Graph.exponential(2 * Double(value))
      let y = Float((e - 1) / (e + 1))
      #expect(abs(gradient - 6 * (1 - y * y)) < 1e-5)
    }
  }
}
