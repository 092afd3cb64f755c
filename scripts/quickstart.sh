#!/usr/bin/env bash
# From a fresh clone to a trained net: installs what is missing, builds netrun, makes databases of the digits in
# data/digits, trains LeNet on them and tests it. What is done already is not done again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

netrun=.build/release/netrun
weights=runs/lenet_iter_1000.caffemodel
databases=(data/digits/digits_train_lmdb data/digits/digits_test_lmdb)
began=$SECONDS

step() { printf '\n==> %s\n' "$1"; }

step "1 of 5: what this machine must have"
scripts/setup.sh

step "2 of 5: build"
if [ ! -x "$netrun" ]; then
    echo "The first build takes some minutes on two cores; later ones take seconds."
fi
start=$SECONDS
quiet=()
[ -t 1 ] || quiet=(--quiet)
swift build -c release --product netrun "${quiet[@]}"
echo "$("$netrun" --version) is ready after $((SECONDS - start)) s: $netrun"

step "3 of 5: databases of the digits"
for part in train:train t10k:test; do
    database="data/digits/digits_${part#*:}_lmdb"
    if [ -e "$database/data.mdb" ]; then
        echo "$database is there"
    else
        "$netrun" convert mnist "data/digits/${part%:*}-images-idx3-ubyte.gz" \
            "data/digits/${part%:*}-labels-idx1-ubyte.gz" "$database"
    fi
done

step "4 of 5: train LeNet on the 4,000 training digits"
# Trained weights are good as long as nothing that they come from is newer.
is_trained() {
    local source
    [ -e "$weights" ] || return 1
    for source in "$netrun" models/lenet/model.txt models/lenet/solver.txt "${databases[@]/%//data.mdb}"; do
        [ "$weights" -nt "$source" ] || return 1
    done
    # They may be another net's that was trained with the same snapshot_prefix.
    "$netrun" test models/lenet/model.txt --weights "$weights" --iterations 1 --json >/dev/null 2>&1
}
if is_trained; then
    echo "$weights is there, newer than the net and its data. To train again: rm $weights"
else
    start=$SECONDS
    "$netrun" train models/lenet/solver.txt --log human
    echo "Trained in $((SECONDS - start)) s"
fi

step "5 of 5: test it on the 1,000 digits that it has never seen"
report="$("$netrun" test models/lenet/model.txt --weights "$weights" --json)"
accuracy="$(grep -oE '"accuracy"[^0-9]*[0-9.]+' <<<"$report" | grep -oE '[0-9.]+$' | head -n 1)" || {
    echo "The test reports no accuracy: $report" >&2
    exit 1
}

cat <<END
Accuracy: $accuracy

Done in $((SECONDS - began)) s. Made:
  $netrun
  ${databases[0]}, ${databases[1]}
  $weights, and what else is in runs/

Next, try
  $netrun time models/lenet/model.txt
      where the time goes, layer by layer
  $netrun layers Convolution
      what a layer computes, and its parameters
  scripts/get-mnist.sh && $netrun train models/lenet/solver-10k.txt
      all of MNIST, with Caffe's 10,000 iterations
models/lenet/README.md goes on from here.
END
