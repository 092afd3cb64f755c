"""Times LeNet at batch 64 with netrun, PyTorch and TensorFlow, in turn, and prints one table. scripts/bench-peers.sh runs this.

- One process for each measurement, in turn (A B C A B C …): what disturbs the machine disturbs all.
- netrun: `netrun train` on an LMDB, whole iterations with reading, decoding, scaling; the time between lines of its
  metrics. The forward pass: `netrun test`, reading included. The peers have their data in memory, ready as floats.
- The peers: each variant once, then the fastest in all rounds. The median of the rounds counts.
- The first step: from the start of the process to the end of the first training step; for netrun, to the end
  of the whole process.
- Memory: the largest resident size that the system saw.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.dirname(os.path.realpath(__file__))
BATCH = 64
VARIANTS = {
    "PyTorch": ("lenet_torch.py", ["eager", "channels-last", "compiled"]),
    "TensorFlow": ("lenet_tensorflow.py", ["one pool", "two pools"]),
}
# glibc's heap keeps what it has: the peers gain from it, netrun allocates nothing while it runs.
TUNED_HEAP = {
    "MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "2000000000",
    "MALLOC_TOP_PAD_": "67108864",
}


def environment(threads, extra):
    result = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    result["OMP_NUM_THREADS"] = str(threads)
    return {**result, **extra, "PEER_START": repr(time.clock_gettime(time.CLOCK_MONOTONIC))}


def run(command, threads, extra={}, folder=None):
    """Runs a process to its end; gives its output, its seconds, and its largest resident size in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            command, stdout=out, stderr=errors, cwd=folder, env=environment(threads, extra))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        out.seek(0)
        errors.seek(0)
        if status != 0:
            sys.exit(f"failed: {' '.join(command)}\n{errors.read().decode()[-2000:]}")
        return out.read().decode(), seconds, usage.ru_maxrss / 1024


class Peer:
    def __init__(self, name, python, blocks):
        self.name, self.python, self.blocks = name, python, blocks
        self.script, self.variants = VARIANTS[name]
        self.variants = [(variant, heap) for variant in self.variants for heap in ("", "tuned heap")]
        self.best, self.version = {}, ""

    def once(self, work, threads, variant, blocks=None):
        name, heap = variant
        out, _, memory = run(
            [self.python, os.path.join(HERE, self.script), "--work", work, "--threads", str(threads),
             "--variant", name, "--blocks", str(blocks or self.blocks)],
            threads, TUNED_HEAP if heap else {})
        result = json.loads(out.strip().splitlines()[-1])
        self.version = f"{self.name} {result['version']}"
        return result["milliseconds"], result["first_step_seconds"], memory

    def choose(self, work, threads):
        times = {v: self.once(work, threads, v, blocks=min(5, self.blocks))[0] for v in self.variants}
        best = min(times, key=times.get)
        self.best[work, threads] = best
        shown = ", ".join(f"{' '.join(filter(None, v))} {t:.2f}" for v, t in times.items())
        print(f"  {self.name}, {work}, {threads} threads: {shown}", file=sys.stderr)

    def measure(self, work, threads):
        if work == "first":
            _, seconds, memory = self.once("first", threads, self.variants[0])
            return seconds, memory
        if (work, threads) not in self.best:
            self.choose(work, threads)
        milliseconds, _, memory = self.once(work, threads, self.best[work, threads])
        return milliseconds, memory

    def note(self, work, threads):
        return " ".join(filter(None, self.best.get((work, threads), ())))


class Netrun:
    name = "netrun"

    def __init__(self, program, blocks, folder):
        self.program, self.blocks, self.folder = program, blocks, folder
        self.version = run([program, "--version"], 1)[0].strip()
        with open(os.path.join(TOP, "models", "lenet", "model.txt")) as file:
            model = file.read().replace("batch_size: 100", f"batch_size: {BATCH}")
        with open(os.path.join(folder, "model.txt"), "w") as file:
            file.write(model)
        digits = os.path.join(TOP, "data", "digits")
        os.makedirs(os.path.join(folder, "data", "digits"))
        for part, name in (("train", "train"), ("t10k", "test")):
            run([program, "convert", "mnist", f"{digits}/{part}-images-idx3-ubyte.gz",
                 f"{digits}/{part}-labels-idx1-ubyte.gz", f"data/digits/digits_{name}_lmdb"], 1, folder=folder)

    def train(self, threads, iterations):
        """LeNet's solver without tests and snapshots, and a line of metrics every 50 iterations."""
        with open(os.path.join(self.folder, "solver.txt"), "w") as file:
            file.write(
                'net: "model.txt" base_lr: 0.01 lr_policy: "inv" gamma: 0.0001 power: 0.75\n'
                "momentum: 0.9 weight_decay: 0.0005 random_seed: 1 solver_mode: CPU\n"
                f'max_iter: {iterations} display: 50 snapshot_prefix: "run" snapshot_after_train: false\n')
        for name in ("run.metrics.jsonl", "run.metrics.csv"):
            if os.path.exists(os.path.join(self.folder, name)):
                os.remove(os.path.join(self.folder, name))
        return run([self.program, "train", "solver.txt", "--threads", str(threads), "--log", "quiet"],
                   threads, folder=self.folder)

    def measure(self, work, threads):
        if work == "first":
            _, seconds, memory = self.train(threads, 1)
            return seconds, memory
        if work == "forward":
            passes = 50 * self.blocks
            out, _, memory = run(
                [self.program, "test", "model.txt", "--iterations", str(passes), "--threads", str(threads),
                 "--weights", self.weights(), "--json"], threads, folder=self.folder)
            return json.loads(out)["seconds"] * 1000 / passes, memory
        _, _, memory = self.train(threads, 50 * (self.blocks + 1) + 1)
        with open(os.path.join(self.folder, "run.metrics.jsonl")) as file:
            lines = [json.loads(line) for line in file]
        speeds = [line["images_per_second"] for line in lines if "images_per_second" in line]
        # The first is of the iterations that warm up.
        return BATCH * 1000 / statistics.median(speeds[1:]), memory

    def weights(self):
        path = os.path.join(self.folder, "weights_iter_1.caffemodel")
        if not os.path.exists(path):
            with open(os.path.join(self.folder, "once.txt"), "w") as file:
                file.write('net: "model.txt" base_lr: 0.01 lr_policy: "fixed" max_iter: 1 random_seed: 1 '
                           'snapshot_prefix: "weights" solver_mode: CPU\n')
            run([self.program, "train", "once.txt", "--log", "quiet"], 1, folder=self.folder)
        return path

    def note(self, work, threads):
        return ""


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return f"{model.group(1) if model else platform.processor()}, {os.cpu_count()} cores, {platform.freedesktop_os_release()['PRETTY_NAME']}"


WORK = [
    ("train", "training step, ms", "{:.2f}"),
    ("forward", "forward pass, ms", "{:.2f}"),
    ("first", "start to end of first step, s", "{:.2f}"),
    ("memory", "peak memory while training, MB", "{:.0f}"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netrun", default=os.path.join(TOP, ".build", "release", "netrun"))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--blocks", type=int, default=10, help="blocks of 50 steps in a round")
    parser.add_argument("--peers", default="PyTorch,TensorFlow")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        netrun = Netrun(os.path.realpath(arguments.netrun), arguments.blocks, folder)
        peers = [Peer(name, sys.executable, arguments.blocks) for name in filter(None, arguments.peers.split(","))]
        table = {}
        for threads in map(int, arguments.threads.split(",")):
            for work, _, _ in WORK[:3]:
                values = {}
                for number in range(arguments.rounds):
                    for runner in [netrun] + peers:
                        value, memory = runner.measure(work, threads)
                        values.setdefault(runner.name, []).append(value)
                        if work == "train":
                            table.setdefault(("memory", threads, runner.name), []).append(memory)
                    print(f"  {work}, {threads} threads, round {number + 1}: " + ", ".join(
                        f"{name} {v[-1]:.2f}" for name, v in values.items()), file=sys.stderr)
                for name, v in values.items():
                    table[work, threads, name] = v
        show(arguments, netrun, peers, table)


def show(arguments, netrun, peers, table):
    names = [runner.name for runner in [netrun] + peers]
    versions = ", ".join([netrun.version] + [peer.version for peer in peers])
    print(f"\nLeNet, batch {BATCH}, float32. {machine()}. {versions}.")
    print(f"Medians of {arguments.rounds} rounds in turn; ratio: the best peer's value by netrun's.\n")
    print("| threads | what | " + " | ".join(names) + " | ratio |")
    print("|---|---|" + "---|" * len(names) + "---|")
    for threads in map(int, arguments.threads.split(",")):
        for work, title, form in WORK:
            cells, medians = [], []
            for runner in [netrun] + peers:
                median = statistics.median(table[work, threads, runner.name])
                note = runner.note(work, threads)
                cells.append(form.format(median) + (f" ({note})" if note else ""))
                medians.append(median)
            ratio = f"{min(medians[1:]) / medians[0]:.1f}" if peers else ""
            print(f"| {threads} | {title} | " + " | ".join(cells) + f" | {ratio} |")


if __name__ == "__main__":
    main()
