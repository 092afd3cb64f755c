"""mnist-cnn by TensorFlow's graph mode, or by Keras's fit, from loading to test. handout.py runs this."""

import os

import mnist

arguments = mnist.options(["graph", "fit"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402
from nets import NETS, Graph  # noqa: E402
from nets_tensorflow import Network  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)


def train_graph(images, labels):
    """Trains in graph mode; gives a function from images to scores."""
    network = Network(Graph(NETS["mnist-cnn"], training=True))
    network(tf.constant(images[:mnist.BATCH]))
    parameters = network.trained()
    history = [tf.Variable(tf.zeros_like(parameter)) for parameter in parameters]

    @tf.function(jit_compile=False)
    def step(x, y):
        with tf.GradientTape() as tape:
            scores = network(x)[0]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores))
        for parameter, momentum, gradient in zip(parameters, history, tape.gradient(loss, parameters)):
            tf.raw_ops.ResourceApplyMomentum(
                var=parameter.handle, accum=momentum.handle, lr=mnist.RATE, grad=gradient, momentum=mnist.MOMENTUM)

    for chosen in numpy.split(numpy.random.permutation(len(images)), len(images) // mnist.BATCH):
        step(tf.constant(images[chosen]), tf.constant(labels[chosen]))
    return tf.function(lambda x: network(x)[0])


def train_keras(images, labels):
    layers = tf.keras.layers
    model = tf.keras.Sequential([
        layers.Conv2D(32, 5, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 5, padding="same", activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(1024, activation="relu"), layers.Dense(10)])
    model.compile(
        tf.keras.optimizers.SGD(mnist.RATE, mnist.MOMENTUM), tf.keras.losses.SparseCategoricalCrossentropy(True))
    model.fit(images, labels, batch_size=mnist.BATCH, epochs=1, verbose=0)
    return tf.function(model)


def load(part):
    images, labels = mnist.load(part)
    return images[..., None], labels


scores = (train_graph if arguments.variant == "graph" else train_keras)(*load("train"))
images, labels = load("t10k")
hits = sum(int((scores(tf.constant(images[start:start + 100])).numpy().argmax(1) == labels[start:start + 100]).sum())
           for start in range(0, len(images), 100))
mnist.report(hits / len(images))
