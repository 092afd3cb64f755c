import Nets
import Testing

/// Each message must say what is wrong, where, why, and what to do.
@Suite("What is wrong with a graph")
struct GraphDiagnosticTests {
  @Test("An unknown bottom, with what was probably meant")
  func unknownBottom() {
    expectRefused(
      """
      layer { name: 'd' type: 'DummyData' top: 'images' dummy_data_param { shape { dim: 4 dim: 3 } } }
      layer { name: 'r' type: 'ReLU' bottom: 1️⃣'image' top: 'y' }
      layer { name: 's' type: 'ReLU' bottom: 'images' bottom: 2️⃣3️⃣'zzz' top: 'z' }
      """,
      "layer 'r' (ReLU): unknown bottom 'image' | did you mean 'images'? | "
        + "'images' is produced by layer 'd'",
      "layer 's' (ReLU): takes exactly 1 bottom, but has 2",
      "layer 's' (ReLU): unknown bottom 'zzz' | no layer above produces it")
  }

  @Test("A bottom that a later layer produces")
  func laterBottom() {
    expectRefused(
      """
      layer { name: 'r' type: 'ReLU' bottom: 1️⃣'x' top: 'y' }
      layer { name: 'd' type: 'DummyData' top: 'x' dummy_data_param { shape { dim: 4 } } }
      layer { name: 's' type: 'ReLU' bottom: 'x' top: 'z' }
      """,
      "layer 'r' (ReLU): bottom 'x' is produced only later, by layer 'd' | produced here | "
        + "layers run in the order of the file: move layer 'd' above 'r'")
  }

  @Test("A bottom that only a layer of the other phase or stage produces")
  func leftOutProducer() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' include { phase: TEST } }
      layer { name: 'r' type: 'ReLU' bottom: 1️⃣'x' top: 'y' }
      """,
      "layer 'r' (ReLU): unknown bottom 'x' | no layer above produces it | "
        + "layer 'd' would, but its rules leave it out in phase TRAIN | "
        + "give layer 'r' the same rules, or let layer 'd' take part")
  }

  @Test("A top that two layers produce")
  func duplicateTop() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 } } }
      layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'y' }
      layer { name: 'b' type: 'TanH' bottom: 'x' top: 1️⃣'y' }
      layer { name: 'c' type: 'ReLU' bottom: 'x' top: 'z' }
      """,
      "layer 'b' (TanH): top 'y' is produced by two layers | layer 'a' already produces it | "
        + "give one of the two another name")
  }

  @Test("One layer that gives two tops one name")
  func sameTopTwice() {
    expectRefused(
      "layer { name: 'd' type: 'Input' top: 'x' top: 1️⃣'x' input_param { shape { dim: 2 } } }",
      "layer 'd' (Input): top 'x' is given twice | it is first given here | "
        + "give each top a name of its own")
  }

  @Test("A blob that another layer has used cannot be changed in place")
  func inPlaceAfterUse() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 } } }
      layer { name: 'a' type: 'ReLU' bottom: 'x' top: 'y' }
      layer { name: 'b' type: 'TanH' bottom: 'y' top: 'z' }
      layer { name: 'c' type: 'ReLU' bottom: 'y' top: 1️⃣'y' }
      """,
      "layer 'c' (ReLU): cannot change 'y' in place, since layer 'b' uses it too | "
        + "layer 'b' uses it here | give the top a name of its own, or move layer 'c' above 'b'")
  }

  @Test("Layers that cannot work in place")
  func notInPlace() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 1️⃣'x'
        inner_product_param { num_output: 3 } }
      """,
      "layer 'ip' (InnerProduct): cannot work in place: top 'x' has the name of its bottom | "
        + "give the top a name of its own")
  }

  @Test("Too few and too many bottoms and tops")
  func counts() {
    expectRefused(
      """
      layer { name: 'd' type: 'DummyData' top: 'x' top: 'u' top: 'v' dummy_data_param { shape { dim: 4 } } }
      layer { name: 'r' type: 1️⃣'ReLU' top: 'y' }
      layer { name: 's' type: 'ReLU' bottom: 'x' bottom: 2️⃣'u' top: 'z' }
      layer { name: 't' type: 3️⃣'ReLU' bottom: 'x' }
      layer { name: 'l' type: 4️⃣'SoftmaxWithLoss' bottom: 'v' top: 'l' }
      layer { name: 'e' type: 5️⃣'Eltwise' bottom: 'x' top: 'e' }
      layer { name: 'q' type: 'Silence' bottom: 'x' top: 6️⃣'q' }
      """,
      "layer 'r' (ReLU): takes exactly 1 bottom, but has 0",
      "layer 's' (ReLU): takes exactly 1 bottom, but has 2",
      "layer 't' (ReLU): takes exactly 1 top, but has 0",
      "layer 'l' (SoftmaxWithLoss): takes exactly 2 bottoms, but has 1",
      "layer 'e' (Eltwise): takes at least 2 bottoms, but has 1",
      "layer 'q' (Silence): takes no tops, but has 1")
  }

  @Test("As many tops as bottoms")
  func equalCounts() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' top: 'u' input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }
      layer { name: 'c' type: 1️⃣'Convolution' bottom: 'x' bottom: 'u' top: 'c'
        convolution_param { num_output: 2 kernel_size: 3 } }
      """,
      "layer 'c' (Convolution): needs as many tops as bottoms, but has 2 bottoms and 1 top")
  }

  @Test("Unknown layer types")
  func unknownType() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 } } }
      layer { name: 'a' type: 1️⃣'Relu' bottom: 'x' top: 'y' }
      layer { name: 'b' type: 'TanH' bottom: 'y' top: 'z' }
      layer { name: 'c' type: 2️⃣'Frobnicate' bottom: 'z' top: 'w' }
      3️⃣layer { name: 'n' bottom: 'w' }
      """,
      "layer 'a': unknown layer type 'Relu' | did you mean 'ReLU'? | "
        + "'netrun layers' lists the types there are",
      "layer 'c': unknown layer type 'Frobnicate' | 'netrun layers' lists the types there are",
      "layer 'n' has no type | add type: \"…\"")
  }

  @Test("More param entries than parameters")
  func params() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'y'
        inner_product_param { num_output: 3 bias_term: false }
        param { lr_mult: 1 } 1️⃣param { lr_mult: 2 } }
      layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'z' 2️⃣param { lr_mult: 0 } }
      """,
      "layer 'ip' (InnerProduct): has 2 param entries but only 1 parameter blob | "
        + "leave out the entries that are too many",
      "layer 'r' (ReLU): has 1 param entry but no parameter blobs | "
        + "leave out the entries that are too many")
  }

  @Test("loss_weight and propagate_down come once for each top and bottom")
  func perBlobFields() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 3 } } loss_weight: 1️⃣1 loss_weight: 2 }
      layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'y' propagate_down: 2️⃣true propagate_down: false }
      """,
      "layer 'd' (Input): has 2 values of loss_weight but 1 top | "
        + "give loss_weight once for each top, or not at all",
      "layer 'r' (ReLU): has 2 values of propagate_down but 1 bottom | "
        + "give propagate_down once for each bottom, or not at all")
  }

  @Test("Shapes that do not fit")
  func shapes() {
    expectRefused(
      """
      layer { name: 'd' type: 'DummyData' top: 'x' top: 'u' dummy_data_param {
        shape { dim: 2 dim: 3 dim: 8 dim: 8 } shape { dim: 2 dim: 3 dim: 8 dim: 7 } } }
      layer { name: 'cat' type: 'Concat' bottom: 'x' bottom: 1️⃣'u' top: 'cat' }
      layer { name: 'sum' type: 'Eltwise' bottom: 'x' bottom: 2️⃣'u' top: 'sum' }
      layer { name: 'conv' type: 'Convolution' bottom: 'x' top: 'conv'
        convolution_param { num_output: 4 kernel_size: 3 group: 3️⃣2 } }
      layer { name: 'large' type: 'Convolution' bottom: 'x' top: 'large'
        convolution_param { num_output: 4 kernel_size: 4️⃣5️⃣9 } }
      layer { name: 'ip' type: 'InnerProduct' bottom: 'x' top: 'ip' inner_product_param { num_output: 2 axis: 6️⃣4 } }
      """,
      "layer 'cat' (Concat): bottoms may differ along axis 1 only, but 'x' is 2×3×8×8 and 'u' is "
        + "2×3×8×7",
      "layer 'sum' (Eltwise): bottoms must have one shape, but 'x' is 2×3×8×8 and 'u' is 2×3×8×7",
      "layer 'conv' (Convolution): the bottom (2×3×8×8) has 3 channels, which cannot be split in 2 "
        + "groups | the number of channels must be a multiple of group",
      "layer 'large' (Convolution): the output is empty: axis 2 of the bottom (2×3×8×8) has 8 "
        + "values, but the kernel spans 9 | use a smaller kernel, more pad or larger images",
      "layer 'large' (Convolution): the output is empty: axis 3 of the bottom (2×3×8×8) has 8 "
        + "values, but the kernel spans 9 | use a smaller kernel, more pad or larger images",
      "layer 'ip' (InnerProduct): axis 4 of a blob with 4 axes (2×3×8×8)")
  }

  @Test("Several mistakes of one file in its order, and none that only follow from others")
  func several() {
    expectRefused(
      """
      layer { name: 'd' type: 'Input' top: 'x' input_param { shape { dim: 2 dim: 1️⃣-3 } } }
      layer { name: 'a' type: 'InnerProduct' bottom: 'x' top: 'a' 2️⃣inner_product_param { } }
      layer { name: 'b' type: 3️⃣'InnerProdukt' bottom: 'a' top: 'b' }
      layer { name: 'c' type: 'Concat' bottom: 'b' bottom: 'x' top: 'c' }
      layer { name: 'e' type: 'Dropout' bottom: 'c' top: 'c' dropout_param { dropout_ratio: 4️⃣1 } }
      layer { name: 'f' type: 'ReLU' bottom: 5️⃣'cc' top: 'f' }
      layer { name: 'l' type: 'SoftmaxWithLoss' bottom: 'f' bottom: 'x' top: 'l' }
      """,
      "layer 'd' (Input): a size of -3",
      "layer 'a' (InnerProduct): num_output is missing | add num_output: …",
      "layer 'b': unknown layer type 'InnerProdukt' | did you mean 'InnerProduct'? | "
        + "'netrun layers' lists the types there are",
      "layer 'e' (Dropout): dropout_ratio is 1.0, but must be 0 or more and below 1",
      "layer 'f' (ReLU): unknown bottom 'cc' | did you mean 'c'? | 'c' is produced by layer 'e'")
  }

  @Test("A net without layers")
  func empty() throws {
    let net = try Graph.net("name: 'nothing'")
    #expect(try net.forward() == 0)
    net.backward()
  }

  @Test("Blobs are called by the names in the file, not by those of splits")
  func splitNames() {
    expectRefused(
      """
      layer { name: 'd' type: 'DummyData' top: 'x' top: 'u' dummy_data_param {
        shape { dim: 2 dim: 3 } shape { dim: 2 dim: 4 } } }
      layer { name: 'r' type: 'ReLU' bottom: 'x' top: 'r' }
      layer { name: 's' type: 'Eltwise' bottom: 'x' bottom: 1️⃣'u' top: 's' }
      layer { name: 't' type: 'ReLU' bottom: 2️⃣'x_d_0' top: 't' }
      """,
      "layer 's' (Eltwise): bottoms must have one shape, but 'x' is 2×3 and 'u' is 2×4",
      "layer 't' (ReLU): unknown bottom 'x_d_0' | no layer above produces it")
  }
}
