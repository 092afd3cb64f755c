"""A net by TensorFlow in graph mode: times training steps or forward passes. compare.py runs this."""

import os

import peer

arguments = peer.options(["one pool", "two pools"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf  # noqa: E402
from nets_tensorflow import Network  # noqa: E402


def training_step(graph, network, x, labels):
    network(x)
    parameters = network.trained()
    history = [tf.Variable(tf.zeros_like(parameter)) for parameter in parameters]

    @tf.function(jit_compile=False)
    def step(x, labels):
        with tf.GradientTape() as tape:
            loss = tf.add_n([
                weight * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))
                for (_, weight), scores in zip(graph.losses, network(x))])
        for parameter, momentum, gradient in zip(parameters, history, tape.gradient(loss, parameters)):
            tf.raw_ops.ResourceApplyMomentum(
                var=parameter.handle, accum=momentum.handle, lr=peer.RATE,
                grad=tf.convert_to_tensor(gradient) + peer.DECAY * parameter, momentum=peer.MOMENTUM)
        return loss
    return lambda: step(x, labels).numpy()


def forward_pass(network, x):
    """The graph with its variables made constants, so that normalization is folded into convolutions."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    network(x)
    function = tf.function(network, jit_compile=False).get_concrete_function(tf.TensorSpec(x.shape, x.dtype))
    frozen = convert_variables_to_constants_v2(function)
    return lambda: frozen(x)[0].numpy()


def main():
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(arguments.threads if arguments.variant == "two pools" else 1)
    tf.random.set_seed(1)
    graph = peer.graph(arguments)
    network = Network(graph)
    x, labels = map(tf.constant, peer.batch(arguments))
    if len(graph.shape(0)) == 3:
        x = tf.transpose(x, (0, 2, 3, 1))
    step = training_step(graph, network, x, labels) if arguments.work == "train" else forward_pass(network, x)
    peer.measure(arguments, tf.__version__, step)


main()
