"""What the peers have in common: options, input, timing, and what a process reports at its end."""

import argparse
import json
import os
import time

from nets import NETS, Graph

RATE, MOMENTUM, DECAY = 0.001, 0.9, 0.0005


def options(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--net", choices=NETS, required=True)
    parser.add_argument("--work", choices=["train", "infer"], required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--seconds", type=float, default=3, help="how long to measure")
    parser.add_argument("--folder", help="where files of the net are, or may be made")
    return parser.parse_args()


def graph(arguments):
    return Graph(NETS[arguments.net], training=arguments.work == "train")


def batch(arguments):
    """Random input of a batch, and random labels: a label for each item, in a text for each word."""
    import numpy

    net = NETS[arguments.net]
    random = numpy.random.default_rng(1)
    shape = (arguments.batch, *net.input)
    if net.name.startswith("lstm"):
        x, labels = random.integers(0, net.classes, shape, dtype="int64"), shape
    else:
        x, labels = random.random(shape, dtype="float32"), (arguments.batch,)
    return x, random.integers(0, net.classes, labels, dtype="int64")


def measure(arguments, version, step):
    """Calls step() to warm up, then for some seconds; prints the line that compare.py reads.

    Steps are timed in blocks of 20 ms or more, so that the clock costs nothing; the median block counts. PEER_START is
    the clock when the process was started.
    """
    step()
    first = time.clock_gettime(time.CLOCK_MONOTONIC) - float(os.environ.get("PEER_START", "nan"))
    start, warm = time.perf_counter(), 0
    while warm < 1 or time.perf_counter() - start < arguments.seconds / 5:
        step()
        warm += 1
    size = max(1, round(0.02 * warm / (time.perf_counter() - start)))
    blocks, end = [], time.perf_counter() + arguments.seconds
    while len(blocks) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(size):
            step()
        blocks.append((time.perf_counter() - start) * 1000 / size)
    blocks.sort()
    print(json.dumps({"version": version, "milliseconds": blocks[len(blocks) // 2], "first": first}))
