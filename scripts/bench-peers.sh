#!/usr/bin/env bash
# Times netrun, PyTorch, TensorFlow and inference engines on this machine, net by net, and prints a table of ratios.
#
#     scripts/bench-peers.sh                            all nets, at 1 and 2 threads: hours
#     scripts/bench-peers.sh --quick                    three small nets, one round: within 3 minutes
#     scripts/bench-peers.sh --nets alexnet,vgg16 --train --threads 2
#     scripts/bench-peers.sh --handout                  mnist-cnn on all of MNIST, as whole processes
#     scripts/bench-peers.sh --help                     all options
#
# The peers go to .venv: about 3 GB at the first run. Wants an idle machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
python=.venv/bin/python
if ! "$python" -c '' 2>/dev/null; then
    echo "Python: making .venv"
    if ! python3 -m venv .venv; then
        rm -rf .venv
        echo "bench-peers: Python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
fi

has() { "$python" -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"; }
pip() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# A build for CPUs where pip knows one; else the usual one, which brings CUDA's libraries and needs them to start.
if ! has torch; then
    echo "Python: installing PyTorch"
    version="$("$python" -m pip --disable-pip-version-check index versions torch 2>/dev/null |
        grep -oE '[0-9.]+\+cpu' | head -n 1 || true)"
    { [ -n "$version" ] && pip "torch==$version"; } ||
        pip --index-url https://download.pytorch.org/whl/cpu torch 2>/dev/null || pip torch
    pip numpy
fi
# Module and package: OpenCV 5 has another engine for nets, and is not what people have.
for peer in tensorflow:tensorflow-cpu onnx:onnx onnxruntime:onnxruntime openvino:openvino ncnn:ncnn pnnx:pnnx \
    'cv2:opencv-python-headless<5'; do
    if ! has "${peer%%:*}"; then
        echo "Python: installing ${peer#*:}"
        pip "${peer#*:}"
    fi
done

swift build -c release --product netrun --quiet
case " $* " in *" --handout "*) scripts/get-mnist.sh >&2 ;; esac
load="$(cut -d ' ' -f 1 /proc/loadavg)"
if awk -v load="$load" 'BEGIN { exit !(load > 0.5) }'; then
    echo "bench-peers: the machine is busy (load $load); numbers will be too high for all" >&2
fi
exec "$python" Benchmarks/peers/compare.py "$@"
