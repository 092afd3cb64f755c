"""What the peers have in common: options, the digits, timing, and what a process reports at its end."""

import argparse
import gzip
import json
import os
import struct
import time

BATCH = 64
RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.0005


def options(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--work", choices=["train", "forward", "first"], required=True)
    parser.add_argument("--variant", choices=variants, default=variants[0])
    parser.add_argument("--blocks", type=int, default=10, help="timed blocks; their median counts")
    parser.add_argument("--steps", type=int, default=50, help="steps in a block")
    return parser.parse_args()


def digits():
    """The training digits, as bytes: images N × 28 × 28, and labels."""
    import numpy

    folder = os.path.join(os.path.dirname(__file__), "..", "..", "data", "digits")
    with gzip.open(os.path.join(folder, "train-images-idx3-ubyte.gz")) as file:
        _, count, height, width = struct.unpack(">4I", file.read(16))
        images = numpy.frombuffer(file.read(), numpy.uint8).reshape(count, height, width)
    with gzip.open(os.path.join(folder, "train-labels-idx1-ubyte.gz")) as file:
        file.read(8)
        labels = numpy.frombuffer(file.read(), numpy.uint8)
    return images, labels


def measure(arguments, step):
    """Calls step(number) for warm-up and then in timed blocks; gives the median milliseconds of a step."""
    if arguments.work == "first":
        step(0)
        return None
    for number in range(arguments.steps):
        step(number)
    milliseconds = []
    for block in range(arguments.blocks):
        start = time.perf_counter()
        for number in range(arguments.steps):
            step(block * arguments.steps + number)
        milliseconds.append((time.perf_counter() - start) * 1000 / arguments.steps)
    return sorted(milliseconds)[len(milliseconds) // 2]


def report(arguments, version, milliseconds, loss):
    """Prints the line that compare.py reads. PEER_START is the clock when the process was started."""
    started = float(os.environ.get("PEER_START", "nan"))
    print(json.dumps({
        "version": version,
        "milliseconds": milliseconds,
        "first_step_seconds": time.clock_gettime(time.CLOCK_MONOTONIC) - started,
        "loss": loss,
    }))
