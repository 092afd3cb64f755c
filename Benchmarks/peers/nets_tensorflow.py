"""The nets of nets.py in TensorFlow."""

import tensorflow as tf


class Network:
    """Computes a graph; its variables are made when it is first called.

    Images are batch × height × width × channels.
    """

    def __init__(self, graph):
        self.graph, self.made = graph, {}

    def variable(self, number, name, shape, start=None, trained=True):
        key = (number, name)
        if key not in self.made:
            start = tf.keras.initializers.HeNormal(seed=1)(shape) if start is None else tf.fill(shape, float(start))
            self.made[key] = tf.Variable(start, trainable=trained)
        return self.made[key]

    def __call__(self, x):
        values = [x]
        for number, operation in enumerate(self.graph.operations):
            if number > 0:
                compute = getattr(self, operation.kind)
                values.append(compute(number, operation, *[values[x] for x in operation.inputs]))
        return [values[x] for x, _ in self.graph.losses]

    def trained(self):
        return [variable for variable in self.made.values() if variable.trainable]

    # Layers

    def conv(self, number, o, x):
        s = o.settings
        side = (s["kernel"], s["kernel"])
        padding = self.padding(x, o) if s["pad"] else "VALID"
        if s["groups"] == s["inputs"] > 1:
            w = self.variable(number, "weights", (*side, s["inputs"], 1))
            y = tf.nn.depthwise_conv2d(x, w, (1, s["stride"], s["stride"], 1), padding)
        else:
            # There is no gradient of grouped convolutions on CPUs.
            parts = [
                tf.nn.conv2d(part, self.variable(number, f"weights {group}", (
                    *side, s["inputs"] // s["groups"], o.shape[0] // s["groups"])), s["stride"], padding)
                for group, part in enumerate(tf.split(x, s["groups"], 3) if s["groups"] > 1 else [x])]
            y = tf.concat(parts, 3) if len(parts) > 1 else parts[0]
        return tf.nn.bias_add(y, self.variable(number, "bias", (o.shape[0],), 0)) if s["bias"] else y

    @staticmethod
    def padding(x, o):
        """SAME where it is the same; it pads more behind than before."""
        s, inside, outside = o.settings, x.shape[1], o.shape[1]
        total = max(0, (outside - 1) * s["stride"] + s["kernel"] - inside)
        if total == 0:
            return "VALID"
        if outside == -(-inside // s["stride"]) and total // 2 == s["pad"]:
            return "SAME"
        sides = [s["pad"], total - s["pad"]]
        return [[0, 0], sides, sides, [0, 0]]

    def max_pool(self, number, o, x):
        return tf.nn.max_pool2d(x, o.settings["kernel"], o.settings["stride"], self.padding(x, o))

    def mean_pool(self, number, o, x):
        return tf.nn.avg_pool2d(x, o.settings["kernel"], o.settings["stride"], self.padding(x, o))

    def global_mean(self, number, o, x):
        return tf.reduce_mean(x, (1, 2))

    def relu(self, number, o, x):
        return tf.nn.relu(x)

    def sigmoid(self, number, o, x):
        return tf.nn.sigmoid(x)

    def lrn(self, number, o, x):
        s = o.settings
        return tf.nn.local_response_normalization(x, s["size"] // 2, 1.0, s["alpha"] / s["size"], s["beta"])

    def norm(self, number, o, x):
        scale, bias = (self.variable(number, name, o.shape[:1], start) for name, start in (("scale", 1), ("bias", 0)))
        mean, variance = (
            self.variable(number, name, o.shape[:1], start, False) for name, start in (("mean", 0), ("variance", 1)))
        training = self.graph.training
        y, new_mean, new_variance = tf.compat.v1.nn.fused_batch_norm(
            x, scale, bias, None if training else mean, None if training else variance, o.settings["epsilon"],
            is_training=training)
        if training:
            mean.assign_sub(0.001 * (mean - new_mean))
            variance.assign_sub(0.001 * (variance - new_variance))
        return y

    def dropout(self, number, o, x):
        return tf.nn.dropout(x, o.settings["ratio"])

    def flatten(self, number, o, x):
        return tf.reshape(x, (x.shape[0], -1))

    def dense(self, number, o, x):
        w = self.variable(number, "weights", (o.settings["inputs"], o.shape[-1]))
        rows = tf.reshape(x, (-1, o.settings["inputs"])) if len(o.shape) > 1 else x
        y = tf.nn.bias_add(tf.matmul(rows, w), self.variable(number, "bias", o.shape[-1:], 0))
        return tf.reshape(y, (x.shape[0], *o.shape)) if len(o.shape) > 1 else y

    def concat(self, number, o, *xs):
        return tf.concat(xs, 3)

    def sum(self, number, o, x, y):
        return x + y

    def embed(self, number, o, x):
        return tf.gather(self.variable(number, "weights", (o.settings["words"], o.shape[-1])), x)

    def lstm(self, number, o, x):
        """One product for the input of all steps, then step by step, unrolled: faster than Keras's layer on CPUs."""
        steps, size = o.shape
        w = self.variable(number, "weights", (o.settings["inputs"], 4 * size))
        recurrent = self.variable(number, "recurrent", (size, 4 * size))
        bias = self.variable(number, "bias", (4 * size,), 0)
        rows = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, o.settings["inputs"]))
        gates = tf.unstack(tf.reshape(tf.nn.bias_add(tf.matmul(rows, w), bias), (steps, x.shape[0], 4 * size)))
        hidden = cell = tf.zeros((x.shape[0], size))
        outputs = []
        for gate in gates:
            i, f, o_gate, g = tf.split(gate + tf.matmul(hidden, recurrent), 4, 1)
            cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
            hidden = tf.sigmoid(o_gate) * tf.tanh(cell)
            outputs.append(hidden)
        return tf.stack(outputs, 1)

    def softmax(self, number, o, x):
        return tf.nn.softmax(x)
