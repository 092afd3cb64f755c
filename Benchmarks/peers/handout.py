"""mnist-cnn on 60,000 images of data/mnist, once through in batches of 50, then tested on 10,000: as whole processes.

Imports, loading, training and test count; SGD with rate 0.01 and momentum 0.9, the images in another order each time.
"""

import json
import os
import statistics
import sys
import tempfile

from runners import HERE, TOP, TUNED_HEAP, Failure, run, write

SOLVER = """
net: "models/mnist-cnn/model.txt"
test_iter: 100 test_interval: 1200 test_initialization: false
base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 1200
snapshot_prefix: "{prefix}" snapshot_after_train: false solver_mode: CPU
"""
PEERS = [("TensorFlow", "handout_tensorflow.py", "graph"), ("Keras", "handout_tensorflow.py", "fit"),
         ("PyTorch", "handout_torch.py", "eager"), ("PyTorch", "handout_torch.py", "channels-last")]


def netrun(program, threads, folder):
    prefix = os.path.join(folder, "run")
    solver = write(folder, "solver.txt", SOLVER.format(prefix=prefix))
    for name in os.listdir(folder):
        if ".metrics." in name:
            os.remove(os.path.join(folder, name))
    command = [program, "train", solver, "--threads", str(threads), "--log", "quiet"]
    _, seconds, memory = run(command, threads, folder=TOP)
    with open(prefix + ".metrics.jsonl") as file:
        tests = [line for line in map(json.loads, file) if "accuracy" in line.get("outputs", line)]
    return seconds, tests[-1].get("outputs", tests[-1])["accuracy"], memory


def peer(script, variant, threads):
    out, seconds, memory = run(
        [sys.executable, os.path.join(HERE, script), "--variant", variant, "--threads", str(threads)], threads,
        TUNED_HEAP)
    return seconds, json.loads(out.strip().splitlines()[-1])["accuracy"], memory


def main(program, threads, rounds):
    with tempfile.TemporaryDirectory() as folder:
        runners = {"netrun": lambda: netrun(program, threads, folder)}
        for name, script, variant in PEERS:
            runners[f"{name} {variant}"] = lambda script=script, variant=variant: peer(script, variant, threads)
        results = {}
        for number in range(rounds):
            for name, runner in runners.items():
                try:
                    results.setdefault(name, []).append(runner())
                    print(f"  round {number + 1}: {name} {results[name][-1][0]:.1f} s", file=sys.stderr, flush=True)
                except Failure as failure:
                    print(f"  without {name}: {failure}", file=sys.stderr)
    print(f"\nmnist-cnn, batch 50, 60,000 images once and a test on 10,000, {threads} threads, medians of {rounds}:\n")
    print("| who | seconds | accuracy | peak memory, MB |\n|---|---|---|---|")
    for name, measured in results.items():
        seconds, accuracy, memory = map(statistics.median, zip(*measured))
        print(f"| {name} | {seconds:.1f} | {accuracy:.4f} | {memory:.0f} |")
