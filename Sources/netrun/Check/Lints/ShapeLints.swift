import Compute
import Layers
import Nets
import Prototxt
import Schema

/// Lints about what is lost, or made up, at the edges of images.
extension Lint {
  static let partialPoolingWindow = Lint(
    "partial-pooling-window", .hint,
    summary: "a pooling whose last window lies partly outside the image",
    reason:
      "Caffe rounds the number of windows up, other programs round it down: their sizes differ",
    remedy: "nothing within Caffe; round_mode: FLOOR makes it round down"
  ) { subject in
    subject.nets.flatMap { net in
      net.layers(["Pooling"]).compactMap { number in
        let given = net.node(number).spec.message.message("pooling_param")
        guard !given.bool("global_pooling"), given.enumName("round_mode") == "CEIL",
          let window = Window(net.node(number), given, "kernel")
        else { return nil }
        return window.rest { $0.size + 2 * $0.pad - $0.kernel }.map { axis, rest in
          Finding(
            "the last window of \(net.title(number)) has \(axis.kernel - (axis.stride - rest)) of "
              + "\(Numbers.count(axis.kernel, axis.name))", at: net.place(number))
        }
      }
    }
  }

  static let droppedColumns = Lint(
    "dropped-columns", .hint,
    summary: "a convolution whose windows do not reach the end of the image",
    reason: "Caffe rounds the number of windows down: what is left over is never looked at",
    remedy: "choose kernel_size, stride and pad so that (size + 2 · pad − kernel) is a multiple of "
      + "the stride"
  ) { subject in
    subject.nets.flatMap { net in
      net.layers(["Convolution"]).compactMap { number in
        let given = net.node(number).spec.message.message("convolution_param")
        guard let window = Window(net.node(number), given, "kernel") else { return nil }
        // Padding at the end may be left over without loss.
        return window.rest { $0.size + 2 * $0.pad - $0.kernel }.flatMap { axis, rest in
          // A window smaller than its stride leaves out something everywhere, as it is meant to.
          rest <= axis.pad || axis.kernel < axis.stride
            ? nil
            : Finding(
              "\(net.title(number)) leaves out the last "
                + Numbers.count(rest - axis.pad, axis.name) + " of \(axis.size)",
              at: net.place(number))
        }
      }
    }
  }
}

/// A window that slides over the two axes of images.
private struct Window {
  struct Axis {
    let name: String
    let size: Int
    let kernel: Int
    let stride: Int
    let pad: Int
  }

  let axes: [Axis]

  /// Reads the fields of a layer over images; `nil` for blobs of other axes.
  init?(_ node: Node, _ given: Message, _ kernel: String) {
    guard let shape = node.bottoms.first?.shape, shape.axes == 4 else { return nil }
    func value(_ field: String, _ half: String, _ index: Int, default least: Int) -> Int {
      if given.has(half) { return given.int(half) }
      let all =
        given.type.field(named: field)?.isRepeated == true
        ? given.ints(field) : given.has(field) ? [given.int(field)] : []
      return all.isEmpty ? least : all[min(index, all.count - 1)]
    }
    axes = ["row", "column"].enumerated().map { index, name in
      let end = index == 0 ? "h" : "w"
      let isDilated = given.type.field(named: "dilation") != nil
      let dilation = isDilated ? value("dilation", "dilation", index, default: 1) : 1
      let size = value("kernel_size", "kernel_\(end)", index, default: 1)
      return Axis(
        name: name, size: shape[2 + index], kernel: dilation * (size - 1) + 1,
        stride: max(1, value("stride", "stride_\(end)", index, default: 1)),
        pad: value("pad", "pad_\(end)", index, default: 0))
    }
  }

  /// The first axis on which windows do not end where the image does, and by how much.
  func rest(_ room: (Axis) -> Int) -> (Axis, Int)? {
    for axis in axes where room(axis) > 0 && room(axis) % axis.stride != 0 {
      return (axis, room(axis) % axis.stride)
    }
    return nil
  }
}
