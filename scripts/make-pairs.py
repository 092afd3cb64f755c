#!/usr/bin/env python3
"""Makes pairs of MNIST's images, for models/siamese.

    scripts/make-pairs.py SOURCE TARGET [--seed N]

SOURCE holds MNIST's four IDX files, gzipped or not; TARGET gets four IDX files with as many pairs as there are
images: in each image of 56 x 28 the one digit stands above the other, and the label is 1 where both are of one kind
and 0 elsewhere. Each image is in one pair as the upper one; half of the pairs, on average, are of one kind. Needs
nothing but Python. `netrun convert mnist` makes databases of the files.
"""

import argparse
import gzip
import pathlib
import random
import struct
import sys


def read(folder, name):
    """The bytes of an IDX file, which may be gzipped."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            data = path.read_bytes()
            return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    sys.exit(f"{folder / name}: not there, nor with .gz; scripts/get-mnist.sh gets it")


def images(folder, part):
    """Height, width and the images of one part."""
    name = f"{part}-images-idx3-ubyte"
    data = read(folder, name)
    if len(data) < 16:
        sys.exit(f"{folder / name}: too short for images in IDX format")
    magic, count, height, width = struct.unpack(">IIII", data[:16])
    size = height * width
    if magic != 0x803 or len(data) != 16 + count * size:
        sys.exit(f"{folder / name}: these are no whole images in IDX format")
    return height, width, [data[16 + i * size : 16 + (i + 1) * size] for i in range(count)]


def labels(folder, part, count):
    """The label of each image of one part."""
    name = f"{part}-labels-idx1-ubyte"
    data = read(folder, name)
    if len(data) < 8 or struct.unpack(">II", data[:8]) != (0x801, count) or len(data) != 8 + count:
        sys.exit(f"{folder / name}: these are no labels of {count} images in IDX format")
    return data[8:]


def write(path, data):
    """Writes a file whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def pair(source, target, part, draw):
    height, width, pictures = images(source, part)
    kinds = labels(source, part, len(pictures))
    members = {kind: [i for i, other in enumerate(kinds) if other == kind] for kind in set(kinds)}
    if len(members) < 2:
        sys.exit(f"{source}: {part} has fewer than two kinds of images")
    strangers = {kind: [i for i, other in enumerate(kinds) if other != kind] for kind in members}
    both, same = bytearray(), bytearray()
    order = list(range(len(pictures)))
    draw.shuffle(order)
    for upper in order:
        is_same = draw.random() < 0.5
        lower = draw.choice((members if is_same else strangers)[kinds[upper]])
        both += pictures[upper] + pictures[lower]
        same.append(is_same)
    head = struct.pack(">IIII", 0x803, len(same), 2 * height, width)
    write(target / f"{part}-images-idx3-ubyte", head + both)
    write(target / f"{part}-labels-idx1-ubyte", struct.pack(">II", 0x801, len(same)) + same)
    print(f"{target}: {len(same):,} pairs of {part}, {sum(same):,} of one kind")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.target.mkdir(parents=True, exist_ok=True)
    draw = random.Random(arguments.seed)
    for part in ("train", "t10k"):
        pair(arguments.source, arguments.target, part, draw)


main()
