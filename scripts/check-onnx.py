#!/usr/bin/env python3
"""Compares a net that `netrun export` wrote as ONNX with what netrun itself computes.

    netrun export deploy.txt --weights net.caffemodel -o net.onnx --sample sample.npz
    scripts/check-onnx.py net.onnx sample.npz

Needs onnx, onnxruntime and numpy (pip install onnx onnxruntime numpy). The exit code is 1 if an output differs by more
than --tolerance, as a share of its largest value.
"""

import argparse
import sys

import numpy
import onnx
import onnxruntime


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("sample")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    given = parser.parse_args()

    onnx.checker.check_model(given.model, full_check=True)
    sample = numpy.load(given.sample)
    session = onnxruntime.InferenceSession(given.model, providers=["CPUExecutionProvider"])
    feeds = {value.name: sample["input:" + value.name] for value in session.get_inputs()}
    names = [value.name for value in session.get_outputs()]
    failed = False
    for name, found in zip(names, session.run(names, feeds)):
        expected = sample["output:" + name]
        if found.shape != expected.shape:
            print(f"{name}: shape {found.shape}, expected {expected.shape}")
            failed = True
            continue
        difference = float(numpy.max(numpy.abs(found - expected), initial=0))
        size = float(numpy.max(numpy.abs(expected), initial=0))
        good = difference <= given.tolerance * size
        failed |= not good
        print(f"{name} {list(found.shape)}: largest difference {difference:.3g} of {size:.3g}"
              + ("" if good else "  TOO LARGE"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
