"""Writes a net as an ONNX file with random weights, for inference engines: onnx_file.py NET BATCH FILE."""

import sys

import numpy
import onnx
from nets import NETS, Graph
from onnx import TensorProto, helper, numpy_helper

OPSET = 13  # what all engines read


class Writer:
    """Makes ONNX nodes of a graph's operations; the value of operation n is called vn."""

    def __init__(self, graph, batch):
        self.graph, self.batch = graph, batch
        self.nodes, self.weights = [], []
        self.random = numpy.random.default_rng(1)

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def matrix(self, name, *shape, inputs):
        """Random weights that keep the size of values."""
        return self.constant(name, self.random.standard_normal(shape, "float32") * numpy.float32((2 / inputs) ** 0.5))

    def vector(self, name, size, value=0.0):
        return self.constant(name, numpy.full(size, value, "float32"))

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    # Operations

    def conv(self, o, y, x):
        s = o.settings
        inputs = s["inputs"] // s["groups"]
        weights = self.matrix(
            y + "w", o.shape[0], inputs, s["kernel"], s["kernel"], inputs=inputs * s["kernel"] ** 2)
        self.node("Conv", [x, weights] + ([self.vector(y + "b", o.shape[0])] if s["bias"] else []), y,
                  kernel_shape=[s["kernel"]] * 2, strides=[s["stride"]] * 2, pads=[s["pad"]] * 4, group=s["groups"])

    def max_pool(self, o, y, x):
        s, sides = o.settings, self.graph.shape(o.inputs[0])[1:]
        after = [(out - 1) * s["stride"] + s["kernel"] - side - s["pad"] for side, out in zip(sides, o.shape[1:])]
        self.node("MaxPool", [x], y, kernel_shape=[s["kernel"]] * 2, strides=[s["stride"]] * 2,
                  pads=[s["pad"]] * 2 + [max(0, pad) for pad in after])

    def global_mean(self, o, y, x):
        self.node("Flatten", [self.node("GlobalAveragePool", [x], y + "m")], y)

    def relu(self, o, y, x):
        self.node("Relu", [x], y)

    def sigmoid(self, o, y, x):
        self.node("Sigmoid", [x], y)

    def lrn(self, o, y, x):
        self.node("LRN", [x], y, **o.settings, bias=1.0)

    def norm(self, o, y, x):
        parts = [self.vector(y + name, o.shape[0], value) for name, value in zip("sbmv", (1, 0, 0, 1))]
        self.node("BatchNormalization", [x] + parts, y, epsilon=o.settings["epsilon"])

    def flatten(self, o, y, x):
        self.node("Flatten", [x], y)

    def dense(self, o, y, x):
        inputs, outputs = o.settings["inputs"], o.shape[-1]
        bias = self.vector(y + "b", outputs)
        if len(o.shape) == 1:
            self.node("Gemm", [x, self.matrix(y + "w", outputs, inputs, inputs=inputs), bias], y, transB=1)
        else:
            weights = self.matrix(y + "w", inputs, outputs, inputs=inputs)
            self.node("Add", [self.node("MatMul", [x, weights], y + "p"), bias], y)

    def concat(self, o, y, *xs):
        self.node("Concat", list(xs), y, axis=1)

    def sum(self, o, y, *xs):
        self.node("Add", list(xs), y)

    def embed(self, o, y, x):
        """Steps come first from here on, as the operation LSTM wants them."""
        words = self.matrix(y + "w", o.settings["words"], o.shape[-1], inputs=o.shape[-1])
        self.node("Transpose", [self.node("Gather", [words, x], y + "g")], y, perm=[1, 0, 2])

    def lstm(self, o, y, x):
        size, inputs = o.shape[-1], o.settings["inputs"]
        weights = [self.matrix(y + "w", 1, 4 * size, inputs, inputs=inputs),
                   self.matrix(y + "r", 1, 4 * size, size, inputs=size), self.vector(y + "b", (1, 8 * size))]
        axis = self.constant(y + "a", numpy.array([1], "int64"))
        self.node("Squeeze", [self.node("LSTM", [x] + weights, y + "s", hidden_size=size), axis], y)

    def softmax(self, o, y, x):
        self.node("Softmax", [x], y, axis=-1)

    def model(self):
        for number, o in enumerate(self.graph.operations):
            if number > 0:
                getattr(self, o.kind)(o, f"v{number}", *[f"v{x}" for x in o.inputs])
        result = self.graph.losses[0][0]
        shape, scores = self.graph.shape(0), self.graph.shape(result)
        scores = [self.batch, *scores] if len(scores) == 1 else [scores[0], self.batch, scores[1]]
        kind = TensorProto.INT64 if self.graph.operations[1].kind == "embed" else TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("v0", kind, [self.batch, *shape])],
            [helper.make_tensor_value_info(f"v{result}", TensorProto.FLOAT, scores)], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def main():
    name, batch, path = sys.argv[1:]
    model = Writer(Graph(NETS[name], training=False), int(batch)).model()
    onnx.checker.check_model(model)
    onnx.save(model, path)


main()
