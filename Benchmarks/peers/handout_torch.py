"""mnist-cnn by PyTorch from loading to test. handout.py runs this."""

import mnist

arguments = mnist.options(["eager", "channels-last"])

import torch  # noqa: E402
from nets import NETS, Graph  # noqa: E402
from nets_torch import Network  # noqa: E402
from torch.nn import functional as F  # noqa: E402

torch.set_num_threads(arguments.threads)
network = Network(Graph(NETS["mnist-cnn"], training=True))
layout = torch.channels_last if arguments.variant == "channels-last" else torch.contiguous_format
network = network.to(memory_format=layout)


def load(part):
    images, labels = map(torch.from_numpy, mnist.load(part))
    return images.unsqueeze(1).contiguous(memory_format=layout), labels


images, labels = load("train")
optimizer = torch.optim.SGD(network.parameters(), lr=mnist.RATE, momentum=mnist.MOMENTUM, fused=True)
for chosen in torch.randperm(len(images)).split(mnist.BATCH):
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(network(images[chosen])[0], labels[chosen]).backward()
    optimizer.step()
images, labels = load("t10k")
with torch.inference_mode():
    hits = sum((network(x)[0].argmax(1) == y).sum().item() for x, y in zip(images.split(100), labels.split(100)))
mnist.report(hits / len(images))
