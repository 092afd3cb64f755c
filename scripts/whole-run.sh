#!/usr/bin/env bash
# Takes netrun through a whole run in a folder of its own: databases of real digits, LeNet trained for 100 iterations
# with one thread, with two, and from the middle on. The weights must be the same, bit for bit, and know most digits.
#
#     scripts/whole-run.sh .build/release/netrun
set -euo pipefail
netrun="$(realpath "${1:?which netrun?}")"
top="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir -p data/digits
for part in train:train t10k:test; do
    "$netrun" convert mnist "$top/data/digits/${part%:*}-images-idx3-ubyte.gz" \
        "$top/data/digits/${part%:*}-labels-idx1-ubyte.gz" "data/digits/digits_${part#*:}_lmdb"
done
cp "$top/models/lenet/model.txt" .
for name in one two; do
    sed -e 's/^max_iter:.*/max_iter: 100/' -e 's/^snapshot:.*/snapshot: 50/' \
        -e "s|^snapshot_prefix:.*|snapshot_prefix: \"runs/$name\"|" "$top/models/lenet/solver.txt" >"$name.txt"
done

"$netrun" train one.txt --threads 1 --log quiet
"$netrun" train two.txt --threads 2 --log quiet
cmp runs/one_iter_100.caffemodel runs/two_iter_100.caffemodel
echo "One thread and two: the same weights, bit for bit"

rm runs/two_iter_100.*
"$netrun" train two.txt --threads 2 --snapshot runs/two_iter_50.solverstate --log quiet
cmp runs/one_iter_100.caffemodel runs/two_iter_100.caffemodel
echo "Resumed after half of the iterations: the same weights, bit for bit"

report="$("$netrun" test model.txt --weights runs/one_iter_100.caffemodel --json)"
accuracy="$(grep -oE '"accuracy"[^0-9]*[0-9.]+' <<<"$report" | grep -oE '[0-9.]+$' | head -n 1)"
echo "Accuracy after 100 iterations: $accuracy"
if ! awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 0.8 && accuracy <= 1) }'; then
    echo "More than 0.8 was expected" >&2
    exit 1
fi
