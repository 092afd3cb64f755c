#!/usr/bin/env bash
# Trains LeNet on the digits with 1 and 2 threads, twice, and then again and again with a SIGTERM at a random
# moment and a resumption; all must end with the same weights, bit for bit.
#
#     scripts/check-determinism.sh [TIMES]        20 interruptions unless said otherwise
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
netrun="$PWD/.build/release/netrun"
times=${1:-20}
if [ ! -x "$netrun" ] || [ ! -e data/digits/digits_train_lmdb ]; then
    echo "Run scripts/quickstart.sh first: it builds netrun and makes the databases." >&2
    exit 1
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
iterations=600

# A solver whose snapshots go to a folder of their own.
solver() {
    sed -e "s#^net: .*#net: \"$PWD/models/lenet/model.txt\"#" -e "s#^snapshot_prefix: .*#snapshot_prefix: \"$work/$1/net\"#" \
        -e "s#^max_iter: .*#max_iter: $iterations#" -e "s#^snapshot: .*#snapshot: 0#" \
        models/lenet/solver.txt >"$work/$1.txt"
    echo "$work/$1.txt"
}
sum() { sha256sum "$work/$1/net_iter_$iterations.caffemodel" | cut -c1-16; }

"$netrun" train "$(solver one)" --threads 1 --log quiet
want="$(sum one)"
echo "1 thread:            $want"
failed=0
for run in 1 2; do
    "$netrun" train "$(solver "two$run")" --threads 2 --log quiet
    echo "2 threads, run $run:    $(sum "two$run")"
    [ "$(sum "two$run")" = "$want" ] || failed=$((failed + 1))
done
for ((time = 1; time <= times; time++)); do
    file="$(solver "stop$time")"
    "$netrun" train "$file" --log quiet &
    pid=$!
    sleep "$(awk -v seed="$RANDOM" 'BEGIN { srand(seed); print 0.1 + 2 * rand() }')"
    kill -TERM "$pid" 2>/dev/null || true
    status=0
    wait "$pid" || status=$?
    at="$(find "$work/stop$time" -name '*.solverstate' -printf '%f\n' 2>/dev/null | sort -V | head -n 1)"
    "$netrun" train "$file" --snapshot auto --log quiet
    got="$(sum "stop$time")"
    echo "stopped ($status), ${at:-no state}: $got"
    [ "$got" = "$want" ] || failed=$((failed + 1))
done
if [ "$failed" -gt 0 ]; then
    echo "$failed runs ended with other weights" >&2
    exit 1
fi
echo "All runs ended with the same weights."
