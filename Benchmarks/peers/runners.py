"""Runs one measurement of netrun or of a peer in a process of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
HERE = os.path.dirname(os.path.realpath(__file__))
LONGEST = 300  # seconds that a process may take: what compiles longer is of no use
# glibc's heap keeps what it has: most peers gain from it, netrun takes no memory while it runs.
TUNED_HEAP = {
    "MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "2000000000",
    "MALLOC_TOP_PAD_": "67108864",
}

SOLVER = """
net: "{net}" train_state {{ stage: "synthetic" }}
base_lr: 0.001 lr_policy: "fixed" momentum: 0.9 weight_decay: 0.0005
max_iter: 1 random_seed: 1 solver_mode: CPU
snapshot_prefix: "net" snapshot_after_train: {snapshot}
"""

Task = namedtuple("Task", "net work batch threads seconds")
Measurement = namedtuple("Measurement", "milliseconds first memory")


class Failure(Exception):
    """A process that did not end well, in a line."""


def environment(threads, extra):
    result = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    result["OMP_NUM_THREADS"] = str(threads)
    return {**result, **extra, "PEER_START": repr(time.clock_gettime(time.CLOCK_MONOTONIC))}


def run(command, threads, extra={}, folder=None):
    """Runs a process to its end; gives its output, its seconds, and its largest resident size in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(
            ["timeout", str(LONGEST), *command], stdout=out, stderr=errors, cwd=folder,
            env=environment(threads, extra))
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()  # timeout hands it on; Ctrl-C reaches this process only
            raise
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            code = process.returncode
            raise Failure(f"took more than {LONGEST} s" if code == 124 else f"exit code {code}: {lines[-1][:200]}")
        return out.read().decode(), seconds, usage.ru_maxrss / 1024


class Netrun:
    """netrun, with the files of models/NAME and random numbers for data and weights."""

    def __init__(self, program):
        self.program = program
        self.version = run([program, "--version"], 1)[0].strip()
        self.iterations = {}

    def measure(self, task, folder):
        command = self.training(task, folder) if task.work == "train" else self.inference(task, folder)
        if task not in self.iterations:
            first = self.once(command, task, 3)
            self.iterations[task] = min(2000, max(3, int(task.seconds * 1000 / first.milliseconds)))
            if self.iterations[task] == 3:
                return first
        return self.once(command, task, self.iterations[task])

    def once(self, command, task, iterations):
        out, _, memory = run(
            [self.program, "time", *command, "--whole", "--json", "--iterations", str(iterations), "--threads",
             str(task.threads)], task.threads)
        result = json.loads(out)
        milliseconds = result["step_ms" if task.work == "train" else "forward_ms"]
        return Measurement(milliseconds, result["first_seconds"], memory)

    @staticmethod
    def model(task, name):
        with open(os.path.join(TOP, "models", task.net.name, name)) as file:
            return file.read()

    def training(self, task, folder):
        """Constant images, made once, as the peers have theirs: to make random ones takes its time in each step."""
        text = self.model(task, "model.txt")
        if not task.net.name.startswith("lstm"):
            text = re.sub(r'(stage: "synthetic"(?:(?!\blayer\b).)*?)data_filler {[^}]*}',
                          r'\1data_filler { type: "constant" value: 0.5 }', text, count=1, flags=re.S)
        return [write(folder, "solver.txt", SOLVER.format(net=write(folder, "model.txt", text), snapshot="false"))]

    def inference(self, task, folder):
        """deploy.txt at another batch, with the weights of one training step."""
        sequence = task.net.name.startswith("lstm")
        text = re.sub(r"(shape { dim: \d+ )dim: 1\b" if sequence else r"(shape { )dim: 1\b",
                      rf"\g<1>dim: {task.batch}", self.model(task, "deploy.txt"))
        return [write(folder, "deploy.txt", text), "--phase", "TEST", "--forward-only", "--weights",
                self.weights(task, folder)]

    def weights(self, task, folder):
        weights = os.path.join(folder, "net_iter_1.caffemodel")
        if not os.path.exists(weights):
            model = os.path.join(TOP, "models", task.net.name, "model.txt")
            run([self.program, "train", write(folder, "once.txt", SOLVER.format(net=model, snapshot="true")), "--log",
                 "quiet"], 2, folder=folder)
        return weights


class Peer:
    """A framework or an inference engine, run by a script of this folder."""

    def __init__(self, name, script, variants, works=("train", "infer")):
        self.name, self.script, self.variants, self.works, self.version = name, script, variants, works, ""

    def does(self, task):
        return task.work in self.works and (self.name != "ncnn" or task.batch == 1)

    def measure(self, task, variant, folder):
        name, heap = variant
        out, _, memory = run(
            [sys.executable, os.path.join(HERE, self.script), "--net", task.net.name, "--work", task.work, "--batch",
             str(task.batch), "--threads", str(task.threads), "--variant", name, "--seconds", str(task.seconds),
             "--folder", folder], task.threads, TUNED_HEAP if heap else {})
        result = json.loads(out.strip().splitlines()[-1])
        self.version = f"{self.name} {result['version']}"
        return Measurement(result["milliseconds"], result["first"], memory)

    def useful(self, task):
        """The variants that differ for a net."""
        return [v for v in self.variants
                if not ("channels-last" in v[0] and len(task.net.input) < 3) and
                not (v[0] == "two pools" and task.threads == 1)]


def peers(quick):
    tuned = "tuned heap"
    torch = [("eager", tuned), ("channels-last", tuned)]
    tensorflow = [("one pool", tuned)]
    if not quick:
        torch += [("eager", ""), ("compiled", tuned), ("compiled channels-last", tuned)]
        tensorflow += [("two pools", tuned), ("one pool", "")]
    return [
        Peer("TensorFlow", "tensorflow_peer.py", tensorflow), Peer("PyTorch", "torch_peer.py", torch),
        *[Peer(name, "engine_peer.py", [(name.lower().replace(" ", ""), "")], ("infer",))
          for name in ("OpenVINO", "ONNX Runtime", "OpenCV", "ncnn")]]


def engine_files(task, folder):
    """Makes the files that inference engines read."""
    name = f"{task.net.name}_{task.batch}"
    if task.work != "infer" or os.path.exists(os.path.join(folder, name + ".onnx")):
        return
    run([sys.executable, os.path.join(HERE, "onnx_file.py"), task.net.name, str(task.batch), name + ".onnx"], 1,
        folder=folder)
    if task.batch == 1:
        run([os.path.join(os.path.dirname(sys.executable), "pnnx"), name + ".onnx", "fp16=0"], 1, folder=folder)


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path
