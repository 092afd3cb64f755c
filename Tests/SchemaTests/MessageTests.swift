import Prototxt
import Testing

@testable import Schema

@Suite("Messages")
struct MessageTests {
  private func layer(_ text: String) throws -> Message { try TextFormat.parse(text, as: .layer) }

  @Test("A field that is not set has the schema's default")
  func defaults() throws {
    let pooling = Message("PoolingParameter")
    #expect(pooling.int("stride") == 1)
    #expect(pooling.optionalInt("stride") == nil)
    #expect(pooling.enumName("pool") == "MAX")
    #expect(!pooling.bool("global_pooling"))
    #expect(!pooling.has("stride") && pooling.count("stride") == 0)
    let convolution = Message("ConvolutionParameter")
    #expect(convolution.bool("bias_term"))
    #expect(convolution.optionalBool("bias_term") == nil)
    #expect(convolution.ints("pad") == [])
    #expect(convolution.message("weight_filler").string("type") == "constant")
    #expect(Message(.layer).strings("top") == [] && Message(.layer).messages("param") == [])
  }

  @Test("A field that is set has its value")
  func values() throws {
    let layer = try layer(
      """
      top: 'a' top: 'b' loss_weight: [1, 0.5] propagate_down: [true, false]
      convolution_param { pad: [1, 2] num_output: 7 engine: CAFFE }
      param { lr_mult: 2 }
      """)
    let convolution = layer.message("convolution_param")
    #expect(layer.strings("top") == ["a", "b"])
    #expect(layer.floats("loss_weight") == [1, 0.5])
    #expect(layer.bools("propagate_down") == [true, false])
    #expect(convolution.ints("pad") == [1, 2])
    #expect(convolution.int("num_output") == 7)
    #expect(convolution.optionalInt("num_output") == 7)
    #expect(convolution.enumName("engine") == "CAFFE")
    #expect(layer.messages("param")[0].optionalFloat("lr_mult") == 2)
  }

  @Test("Each value knows where it stands, a missing one where its message does")
  func locations() throws {
    let layer = try layer("name: 'x'\nconvolution_param {\n  pad: [1,\n 2] }")
    let convolution = layer.message("convolution_param")
    #expect(layer.location("name")?.line == 1)
    #expect(layer.location("name")?.column == 7)
    #expect(convolution.location?.line == 2)
    #expect(convolution.location("pad", 1)?.line == 4)
    #expect(convolution.location("num_output")?.line == 2)
    #expect(convolution.location("pad", 5)?.line == 2)
    #expect(convolution.message("weight_filler").location?.line == 2)
  }

  @Test("Setting, adding and clearing")
  func changing() throws {
    var layer = Message(.layer)
    layer.append("top", string: "a")
    layer.append("top", string: "b")
    layer.set("name", string: "x")
    layer.set("phase", enum: "TEST")
    layer.update("pooling_param", at: nil) { $0.set("stride", int: 3) }
    #expect(layer.setFields == ["name", "top", "phase", "pooling_param"])
    #expect(
      layer == (try self.layer("pooling_param { stride: 3 } phase: 1 name: 'x' top: ['a', 'b']")))
    let copy = layer
    layer.clear("top")
    layer.set("name", string: "y")
    #expect(copy.strings("top") == ["a", "b"] && copy.string("name") == "x")
    #expect(layer.count("top") == 0 && layer.string("name") == "y")
  }

  @Test("Places do not count when messages are compared, NaN equals NaN")
  func equality() throws {
    #expect(try layer("name: 'x' top: 'y'") == layer("top : 'y'\n\nname:'x'"))
    #expect(try layer("loss_weight: nan") == layer("loss_weight: nan"))
    #expect(try layer("loss_weight: 1") != layer("loss_weight: 2"))
    #expect(try layer("pooling_param { }") != layer(""))
  }
}
