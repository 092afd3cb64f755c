"""The nets of nets.py in PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F


def pooled(settings):
    return {"kernel_size": settings["kernel"], "stride": settings["stride"], "padding": settings["pad"],
            "ceil_mode": True}


class LastOfSequence(nn.Module):
    """LSTM without its state."""

    def __init__(self, inputs, size):
        super().__init__()
        self.lstm = nn.LSTM(inputs, size, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class Concat(nn.Module):
    def forward(self, *xs):
        return torch.cat(xs, 1)


class Sum(nn.Module):
    def forward(self, x, y):
        return x + y


class GlobalMean(nn.Module):
    def forward(self, x):
        return F.adaptive_avg_pool2d(x, 1).flatten(1)


MODULES = {
    "conv": lambda shape, s: nn.Conv2d(
        s["inputs"], shape[0], s["kernel"], s["stride"], s["pad"], groups=s["groups"], bias=s["bias"]),
    "max_pool": lambda shape, s: nn.MaxPool2d(**pooled(s)),
    "mean_pool": lambda shape, s: nn.AvgPool2d(**pooled(s)),
    "global_mean": lambda shape, s: GlobalMean(),
    "relu": lambda shape, s: nn.ReLU(inplace=True),
    "sigmoid": lambda shape, s: nn.Sigmoid(),
    "lrn": lambda shape, s: nn.LocalResponseNorm(s["size"], s["alpha"], s["beta"]),
    "norm": lambda shape, s: nn.BatchNorm2d(shape[0], s["epsilon"]),
    "dropout": lambda shape, s: nn.Dropout(s["ratio"]),
    "flatten": lambda shape, s: nn.Flatten(),
    "dense": lambda shape, s: nn.Linear(s["inputs"], shape[-1]),
    "concat": lambda shape, s: Concat(),
    "sum": lambda shape, s: Sum(),
    "embed": lambda shape, s: nn.Embedding(s["words"], shape[-1]),
    "lstm": lambda shape, s: LastOfSequence(s["inputs"], shape[-1]),
    "softmax": lambda shape, s: nn.Softmax(-1),
}


class Network(nn.Module):
    """Computes a graph; gives the scores of each of its losses."""

    def __init__(self, graph):
        super().__init__()
        self.steps = nn.ModuleList(MODULES[o.kind](o.shape, o.settings) for o in graph.operations[1:])
        self.inputs = [o.inputs for o in graph.operations[1:]]
        self.dead = graph.last_uses()[1:]
        self.outputs = [x for x, _ in graph.losses]

    def forward(self, x):
        values = [x]
        for step, inputs, dead in zip(self.steps, self.inputs, self.dead):
            values.append(step(*[values[number] for number in inputs]))
            for number in dead:
                values[number] = None
        return [values[number] for number in self.outputs]
