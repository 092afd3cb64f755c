"""The images and labels of data/mnist, for the peers' whole runs, and those runs' options."""

import argparse
import gzip
import json
import os
import struct

import numpy

BATCH, RATE, MOMENTUM = 50, 0.01, 0.9
FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "data", "mnist")


def options(variants):
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--variant", choices=variants, required=True)
    return parser.parse_args()


def load(part):
    """Images, N × 28 × 28 of 0 to 1, and labels: of 'train' or 't10k'."""
    with gzip.open(os.path.join(FOLDER, f"{part}-images-idx3-ubyte.gz")) as file:
        _, count, height, width = struct.unpack(">4I", file.read(16))
        images = numpy.frombuffer(file.read(), numpy.uint8).reshape(count, height, width)
    with gzip.open(os.path.join(FOLDER, f"{part}-labels-idx1-ubyte.gz")) as file:
        file.read(8)
        labels = numpy.frombuffer(file.read(), numpy.uint8).astype("int64")
    return images.astype("float32") / 256, labels


def report(accuracy):
    print(json.dumps({"accuracy": float(accuracy)}))
