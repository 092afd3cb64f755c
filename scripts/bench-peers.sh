#!/usr/bin/env bash
# Times LeNet with netrun, PyTorch and TensorFlow on this machine, in turn, and prints a table of ratios. Options go to
# Benchmarks/peers/compare.py (--help tells). The peers go to .venv: about 3 GB at the first run. Wants an idle machine.
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

has() { "$python" -c "import $1" >/dev/null 2>&1; }
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
if ! has tensorflow; then
    echo "Python: installing TensorFlow"
    pip tensorflow-cpu
fi

swift build -c release --product netrun --quiet
load="$(cut -d ' ' -f 1 /proc/loadavg)"
if awk -v load="$load" 'BEGIN { exit !(load > 0.5) }'; then
    echo "bench-peers: the machine is busy (load $load); numbers will be too high for all" >&2
fi
exec "$python" Benchmarks/peers/compare.py "$@"
