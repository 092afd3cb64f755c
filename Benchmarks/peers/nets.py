"""The nets of the comparison, with the layers of models/NAME/model.txt, for all peers at once.

Each function below writes a net down as a list of operations: nets_torch.py and nets_tensorflow.py compute it,
onnx_file.py writes it as a file for inference engines. Sources: the papers that the model files name.
"""

from collections import namedtuple

Operation = namedtuple("Operation", "kind inputs shape settings")
Net = namedtuple("Net", "name batch input classes build")


class Graph:
    """A net as it is written down. A value is the number of the operation that makes it; 0 is the input.

    Shapes leave the batch out: (channels, height, width), (values,), or (steps, values) of a sequence.
    """

    def __init__(self, net, training):
        self.training = training
        self.operations = [Operation("input", (), net.input, {})]
        self.losses = []  # scores, and their weight in the loss
        net.build(self, 0, net.classes)

    def shape(self, x):
        return self.operations[x].shape

    def add(self, kind, inputs, shape, /, **settings):
        self.operations.append(Operation(kind, tuple(inputs), tuple(shape), settings))
        return len(self.operations) - 1

    def last_uses(self):
        """For each operation the values that nobody needs after it."""
        last = {x: number for number, operation in enumerate(self.operations) for x in operation.inputs}
        kept = {x for x, _ in self.losses}
        return [[x for x, use in last.items() if use == number and x not in kept]
                for number in range(len(self.operations))]

    # Layers

    def conv(self, x, outputs, kernel, stride=1, pad=0, groups=1, bias=True):
        channels, *sides = self.shape(x)
        sides = [(side + 2 * pad - kernel) // stride + 1 for side in sides]
        return self.add("conv", [x], (outputs, *sides), inputs=channels, kernel=kernel, stride=stride, pad=pad,
                        groups=groups, bias=bias)

    def pool(self, x, kernel, stride, pad=0, mean=False):
        """As in Caffe, a window that only begins inside counts."""
        channels, *sides = self.shape(x)
        sides = [-(-(side + 2 * pad - kernel) // stride) + 1 for side in sides]
        return self.add("mean_pool" if mean else "max_pool", [x], (channels, *sides), kernel=kernel, stride=stride,
                        pad=pad)

    def global_mean(self, x):
        return self.add("global_mean", [x], self.shape(x)[:1])

    def relu(self, x):
        return self.add("relu", [x], self.shape(x))

    def sigmoid(self, x):
        return self.add("sigmoid", [x], self.shape(x))

    def lrn(self, x):
        return self.add("lrn", [x], self.shape(x), size=5, alpha=1e-4, beta=0.75)

    def norm(self, x):
        """Normalization over the batch, scale and bias."""
        return self.add("norm", [x], self.shape(x), epsilon=1e-5)

    def dropout(self, x, ratio):
        return self.add("dropout", [x], self.shape(x), ratio=ratio) if self.training else x

    def dense(self, x, outputs):
        """An inner product; of a sequence, at each step."""
        shape = self.shape(x)
        if len(shape) == 3:
            x = self.add("flatten", [x], (shape[0] * shape[1] * shape[2],))
        *steps, inputs = self.shape(x)
        return self.add("dense", [x], (*steps, outputs), inputs=inputs)

    def concat(self, *xs):
        _, *sides = self.shape(xs[0])
        return self.add("concat", xs, (sum(self.shape(x)[0] for x in xs), *sides))

    def sum(self, x, y):
        return self.add("sum", [x, y], self.shape(x))

    def embed(self, x, words, size):
        return self.add("embed", [x], (*self.shape(x), size), words=words)

    def lstm(self, x, size):
        steps, inputs = self.shape(x)
        return self.add("lstm", [x], (steps, size), inputs=inputs)

    def loss(self, x, weight=1.0):
        """Softmax with loss in training, else softmax."""
        self.losses.append((x if self.training else self.add("softmax", [x], self.shape(x)), weight))


def lenet(g, x, classes):
    x = g.pool(g.conv(x, 20, 5), 2, 2)
    x = g.pool(g.conv(x, 50, 5), 2, 2)
    g.loss(g.dense(g.relu(g.dense(x, 500)), classes))


def mnist_cnn(g, x, classes):
    for outputs in (32, 64):
        x = g.pool(g.relu(g.conv(x, outputs, 5, pad=2)), 2, 2)
    g.loss(g.dense(g.relu(g.dense(x, 1024)), classes))


def fcn(hidden):
    def build(g, x, classes):
        for _ in range(hidden):
            x = g.sigmoid(g.dense(x, 2048))
        g.loss(g.dense(x, classes))
    return build


def classifier(g, x, classes):
    """The three inner products of AlexNet and VGG."""
    for _ in range(2):
        x = g.dropout(g.relu(g.dense(x, 4096)), 0.5)
    g.loss(g.dense(x, classes))


def alexnet(g, x, classes):
    x = g.pool(g.lrn(g.relu(g.conv(x, 96, 11, stride=4))), 3, 2)
    x = g.pool(g.lrn(g.relu(g.conv(x, 256, 5, pad=2, groups=2))), 3, 2)
    x = g.relu(g.conv(x, 384, 3, pad=1))
    x = g.relu(g.conv(x, 384, 3, pad=1, groups=2))
    x = g.pool(g.relu(g.conv(x, 256, 3, pad=1, groups=2)), 3, 2)
    classifier(g, x, classes)


def vgg16(g, x, classes):
    for outputs, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            x = g.relu(g.conv(x, outputs, 3, pad=1))
        x = g.pool(x, 2, 2)
    classifier(g, x, classes)


def inception(g, x, one, reduce3, three, reduce5, five, pooled):
    return g.concat(
        g.relu(g.conv(x, one, 1)),
        g.relu(g.conv(g.relu(g.conv(x, reduce3, 1)), three, 3, pad=1)),
        g.relu(g.conv(g.relu(g.conv(x, reduce5, 1)), five, 5, pad=2)),
        g.relu(g.conv(g.pool(x, 3, 1, pad=1), pooled, 1)))


def googlenet(g, x, classes):
    def side_loss(x):
        if g.training:
            x = g.relu(g.conv(g.pool(x, 5, 3, mean=True), 128, 1))
            g.loss(g.dense(g.dropout(g.relu(g.dense(x, 1024)), 0.7), classes), 0.3)

    x = g.lrn(g.pool(g.relu(g.conv(x, 64, 7, stride=2, pad=3)), 3, 2))
    x = g.relu(g.conv(g.relu(g.conv(x, 64, 1)), 192, 3, pad=1))
    x = g.pool(g.lrn(x), 3, 2)
    x = inception(g, x, 64, 96, 128, 16, 32, 32)
    x = inception(g, x, 128, 128, 192, 32, 96, 64)
    x = g.pool(x, 3, 2)
    x = inception(g, x, 192, 96, 208, 16, 48, 64)
    side_loss(x)
    x = inception(g, x, 160, 112, 224, 24, 64, 64)
    x = inception(g, x, 128, 128, 256, 24, 64, 64)
    x = inception(g, x, 112, 144, 288, 32, 64, 64)
    side_loss(x)
    x = inception(g, x, 256, 160, 320, 32, 128, 128)
    x = g.pool(x, 3, 2)
    x = inception(g, x, 256, 160, 320, 32, 128, 128)
    x = inception(g, x, 384, 192, 384, 48, 128, 128)
    g.loss(g.dense(g.dropout(g.global_mean(x), 0.4), classes))


def resnet50(g, x, classes):
    def conv(x, outputs, kernel, stride=1, pad=0):
        return g.norm(g.conv(x, outputs, kernel, stride, pad, bias=False))

    x = g.pool(g.relu(conv(x, 64, 7, 2, 3)), 3, 2)
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = stride if block == 0 else 1
            shortcut = conv(x, 4 * width, 1, stride) if block == 0 else x
            y = g.relu(conv(x, width, 1, stride))
            y = g.relu(conv(y, width, 3, pad=1))
            x = g.relu(g.sum(shortcut, conv(y, 4 * width, 1)))
    g.loss(g.dense(g.global_mean(x), classes))


def mobilenet(g, x, classes):
    def conv(x, outputs, kernel, stride=1, pad=0, groups=1):
        return g.relu(g.norm(g.conv(x, outputs, kernel, stride, pad, groups, bias=False)))

    x, channels = conv(x, 32, 3, 2, 1), 32
    for outputs, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
                            (1024, 1)):
        x = conv(conv(x, channels, 3, stride, 1, groups=channels), outputs, 1)
        channels = outputs
    g.loss(g.dense(g.global_mean(x), classes))


def squeezenet(g, x, classes):
    def fire(x, squeezed, expanded):
        x = g.relu(g.conv(x, squeezed, 1))
        return g.concat(g.relu(g.conv(x, expanded, 1)), g.relu(g.conv(x, expanded, 3, pad=1)))

    x = g.pool(g.relu(g.conv(x, 64, 3, stride=2)), 3, 2)
    x = g.pool(fire(fire(x, 16, 64), 16, 64), 3, 2)
    x = g.pool(fire(fire(x, 32, 128), 32, 128), 3, 2)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    g.loss(g.global_mean(g.relu(g.conv(g.dropout(x, 0.5), classes, 1))))


def language_model(g, x, classes):
    x = g.embed(x, classes, 256)
    g.loss(g.dense(g.lstm(g.lstm(x, 256), 256), classes))


NETS = {net.name: net for net in (
    Net("lenet", 64, (1, 28, 28), 10, lenet),
    Net("mnist-cnn", 50, (1, 28, 28), 10, mnist_cnn),
    Net("fcn5", 64, (26752,), 26752, fcn(3)),
    Net("fcn8", 64, (26752,), 26752, fcn(6)),
    Net("alexnet", 64, (3, 227, 227), 1000, alexnet),
    Net("resnet50", 16, (3, 224, 224), 1000, resnet50),
    Net("googlenet", 16, (3, 224, 224), 1000, googlenet),
    Net("vgg16", 4, (3, 224, 224), 1000, vgg16),
    Net("lstm32", 128, (32,), 10000, language_model),
    Net("lstm64", 128, (64,), 10000, language_model),
    Net("mobilenet", 1, (3, 224, 224), 1000, mobilenet),
    Net("squeezenet", 1, (3, 224, 224), 1000, squeezenet),
)}
