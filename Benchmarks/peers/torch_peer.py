"""A net by PyTorch: times training steps or forward passes. compare.py runs this."""

import peer

arguments = peer.options(["eager", "channels-last", "compiled", "compiled channels-last"])

import torch  # noqa: E402
from nets_torch import Network  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def training_step(graph, network, x, labels):
    optimizer = torch.optim.SGD(
        network.parameters(), lr=peer.RATE, momentum=peer.MOMENTUM, weight_decay=peer.DECAY, fused=True)
    weights = [weight for _, weight in graph.losses]

    def loss_of(x, labels):
        return sum(weight * F.cross_entropy(scores.flatten(0, -2), labels.flatten())
                   for weight, scores in zip(weights, network(x)))

    compute_loss = torch.compile(loss_of) if "compiled" in arguments.variant else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        compute_loss(x, labels).backward()
        optimizer.step()
    return step


def forward_pass(network, x):
    network.eval()
    if "compiled" in arguments.variant:
        from torch._inductor import config

        config.freezing = True
        network = torch.compile(network)

    def step():
        # Not inference_mode: freezing folds constants under no_grad alone.
        with torch.no_grad():
            network(x)
    return step


def main():
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    graph = peer.graph(arguments)
    network = Network(graph)
    x, labels = map(torch.from_numpy, peer.batch(arguments))
    if "channels-last" in arguments.variant:
        network = network.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    step = training_step(graph, network, x, labels) if arguments.work == "train" else forward_pass(network, x)
    peer.measure(arguments, torch.__version__, step)


main()
