"""Times netrun beside its peers, net by net, and prints one table. scripts/bench-peers.sh runs this.

- A process for each measurement, in turn (A B C A B C …): what disturbs the machine disturbs all. Medians count.
- Training step: forward, backward, SGD with momentum and weight decay. Data lies ready in memory, random, for all.
- Inference: the forward pass with softmax, at the batch of training and at batch 1.
- The first round tries every way that a peer has, the others take its fastest.
- First: seconds from the start of the process to the end of its first step or pass.
- Memory: the largest resident size that the system saw. Of the peers' firsts and memories the least counts, whichever
  of them and of their ways it was.
"""

import argparse
import os
import platform
import re
import shlex
import signal
import statistics
import sys
import tempfile

import handout
from nets import NETS
from runners import TOP, Failure, Netrun, Task, engine_files, peers

TRAINED = ["lenet", "mnist-cnn", "fcn5", "fcn8", "alexnet", "resnet50", "googlenet", "vgg16", "lstm32", "lstm64"]
SINGLE = ["mobilenet", "squeezenet", "googlenet", "alexnet", "resnet50", "vgg16", "lenet"]
QUICK = ["lenet", "mnist-cnn", "squeezenet"]


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--netrun", default=os.path.join(TOP, ".build", "release", "netrun"))
    parser.add_argument("--nets", default="", help="names, separated by commas; all if nothing is said")
    parser.add_argument("--threads", default="", help="numbers, separated by commas; 1,2 if nothing is said")
    parser.add_argument("--train", action="store_true", help="training steps only")
    parser.add_argument("--inference", action="store_true", help="inference only")
    parser.add_argument("--peers", default="", help="names, separated by commas; all if nothing is said")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="how long a process measures")
    parser.add_argument("--quick", action="store_true", help="small nets, 2 threads, one round: within 3 minutes")
    parser.add_argument("--handout", action="store_true", help="instead: mnist-cnn on 60,000 images, whole processes")
    parser.add_argument("--markdown", metavar="FILE", help="write the table to a file too")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds = 1, 1
    arguments.nets = arguments.nets.split(",") if arguments.nets else QUICK if arguments.quick else list(NETS)
    for name in arguments.nets:
        if name not in NETS:
            parser.error(f"there is no net '{name}'; there are {', '.join(NETS)}")
    known = [peer.name for peer in peers(arguments.quick)]
    asked = arguments.peers.split(",") if arguments.peers else known
    for name in asked:
        if name.lower() not in map(str.lower, known):
            parser.error(f"there is no peer '{name}'; there are {', '.join(known)}")
    arguments.peers = [name.lower() for name in asked]
    arguments.threads = list(map(int, (arguments.threads or ("2" if arguments.quick else "1,2")).split(",")))
    return arguments


def tasks(arguments, net):
    for threads in arguments.threads:
        if net.name in TRAINED and not arguments.inference:
            yield Task(net, "train", net.batch, threads, arguments.seconds)
        if not arguments.train:
            batches = [net.batch] if net.name in TRAINED else []
            for batch in batches + ([1] if net.name in SINGLE else []):
                yield Task(net, "infer", batch, threads, arguments.seconds)


class Result:
    """What was measured for one task."""

    def __init__(self, task):
        self.task = task
        self.values = {}   # by name and way: the measurements of all rounds

    def add(self, name, way, measurement):
        self.values.setdefault((name, way), []).append(measurement)

    def milliseconds(self, name, way):
        return statistics.median(m.milliseconds for m in self.values[name, way])

    def fastest(self, name=None):
        """The fastest way of a peer, or of any peer: its name, way and milliseconds."""
        keys = [key for key in self.values if key[0] != "netrun" and name in (None, key[0])]
        best = min(keys, key=lambda key: self.milliseconds(*key), default=None)
        return best and (*best, self.milliseconds(*best))

    def least(self, field, isPeer):
        return min((getattr(m, field) for (name, _), measured in self.values.items()
                    if (name != "netrun") == isPeer for m in measured), default=float("nan"))


def measure(task, netrun, others, rounds, folder):
    """Runs all rounds of a task; a peer that fails is dropped, and why so is told."""
    result = Result(task)
    for number in range(rounds):
        result.add("netrun", "", netrun.measure(task, folder))
        for peer in others:
            if not peer.does(task):
                continue
            best = result.fastest(peer.name)
            for way in peer.useful(task) if number == 0 else [best[1]] if best else []:
                try:
                    result.add(peer.name, way, peer.measure(task, way, folder))
                except Failure as failure:
                    tell(task, f"without {peer.name} {' '.join(way).strip()}: {failure}")
        tell(task, f"round {number + 1}: " + ", ".join(
            f"{' '.join([name, *way]).strip()} {short(measured[-1].milliseconds)}"
            for (name, way), measured in result.values.items() if len(measured) == number + 1))
    return result


def tell(task, text):
    print(f"  {task.net.name} {task.batch} {task.work}, {task.threads} threads: {text}", file=sys.stderr, flush=True)


def short(milliseconds):
    return f"{milliseconds:.3g}" if milliseconds < 100 else f"{milliseconds:.0f}"


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    name = model.group(1) if model else platform.processor()
    return f"{name}, {os.cpu_count()} cores, {platform.freedesktop_os_release()['PRETTY_NAME']}"


def table(results):
    rows = [["net, batch", "what", "threads", "netrun, ms", "best peer, ms", "ratio", "which", "memory, MB", "peers'",
             "first, s", "peers'"]]
    for result in results:
        task, mine = result.task, result.milliseconds("netrun", "")
        name, way, milliseconds = result.fastest() or ("none", "", float("nan"))
        rows.append([
            f"{task.net.name}, {task.batch}", "training step" if task.work == "train" else "inference",
            str(task.threads), short(mine), short(milliseconds), f"{milliseconds / mine:.2f}",
            " ".join([name, *(part for part in way if part and part != name.lower().replace(" ", ""))]),
            f"{result.least('memory', False):.0f}", f"{result.least('memory', True):.0f}",
            f"{result.least('first', False):.2f}", f"{result.least('first', True):.2f}"])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def report(arguments, netrun, others, results):
    versions = ", ".join([netrun.version] + [peer.version for peer in others if peer.version])
    return "\n".join([
        f"{machine()}. float32. {versions}.",
        f"`scripts/bench-peers.sh {shlex.join(sys.argv[1:])}`: "
        f"medians of {arguments.rounds} rounds in turn; ratio: the best peer's time by netrun's.", "",
        table(results), ""])


def main():
    arguments = options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that temporary files go
    if arguments.handout:
        return handout.main(os.path.realpath(arguments.netrun), arguments.threads[-1], arguments.rounds)
    netrun = Netrun(os.path.realpath(arguments.netrun))
    others = [peer for peer in peers(arguments.quick) if peer.name.lower() in arguments.peers]
    results = []
    try:
        for name in arguments.nets:
            with tempfile.TemporaryDirectory() as folder:
                for task in tasks(arguments, NETS[name]):
                    try:
                        engine_files(task, folder)
                        results.append(measure(task, netrun, others, arguments.rounds, folder))
                    except Failure as failure:
                        tell(task, f"left out: {failure}")
    except KeyboardInterrupt:
        print("stopped: the table holds what was measured", file=sys.stderr)
    text = report(arguments, netrun, others, results)
    print("\n" + text)
    if arguments.markdown:
        with open(arguments.markdown, "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()
