"""LeNet, batch 64, by TensorFlow in graph mode: times training steps or forward passes. compare.py runs this."""

import os

import peer

arguments = peer.options(["one pool", "two pools"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
tf.config.threading.set_inter_op_parallelism_threads(
    arguments.threads if arguments.variant == "two pools" else 1)
tf.random.set_seed(1)

images, labels = peer.digits()
batches = len(images) // peer.BATCH
count = batches * peer.BATCH
image_list = tf.unstack(tf.reshape(
    tf.constant(images[:count].astype("float32") / 256), (batches, peer.BATCH, 28, 28, 1)))
label_list = tf.unstack(tf.reshape(tf.constant(labels[:count].astype("int32")), (batches, peer.BATCH)))


def weights(*shape):
    return tf.Variable(tf.keras.initializers.GlorotUniform(seed=1)(shape))


def bias(size):
    return tf.Variable(tf.zeros([size]))


parameters = [
    weights(5, 5, 1, 20), bias(20), weights(5, 5, 20, 50), bias(50),
    weights(800, 500), bias(500), weights(500, 10), bias(10),
]
history = [tf.Variable(tf.zeros_like(parameter)) for parameter in parameters]


def scores(x):
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    x = tf.nn.max_pool2d(tf.nn.bias_add(tf.nn.conv2d(x, w1, 1, "VALID"), b1), 2, 2, "VALID")
    x = tf.nn.max_pool2d(tf.nn.bias_add(tf.nn.conv2d(x, w2, 1, "VALID"), b2), 2, 2, "VALID")
    x = tf.nn.relu(tf.nn.bias_add(tf.matmul(tf.reshape(x, (peer.BATCH, 800)), w3), b3))
    return tf.nn.bias_add(tf.matmul(x, w4), b4)


@tf.function(jit_compile=False)
def training_step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=scores(x)))
    for parameter, momentum, gradient in zip(parameters, history, tape.gradient(loss, parameters)):
        tf.raw_ops.ResourceApplyMomentum(
            var=parameter.handle, accum=momentum.handle, lr=peer.RATE,
            grad=gradient + peer.DECAY * parameter, momentum=peer.MOMENTUM)
    return loss


forward_pass = tf.function(scores, jit_compile=False)
last = None


def train(number):
    global last
    last = training_step(image_list[number % batches], label_list[number % batches])


def forward(number):
    global last
    last = forward_pass(image_list[number % batches])


milliseconds = peer.measure(arguments, forward if arguments.work == "forward" else train)
peer.report(arguments, tf.__version__, milliseconds, float(tf.reduce_mean(last)))
