#!/usr/bin/env bash
# Gets all of MNIST, 60,000 and 10,000 handwritten digits, and makes data/mnist/mnist_{train,test}_lmdb of it.
#
#     scripts/get-mnist.sh              MNIST from its public mirrors; where none can be reached, Fashion-MNIST
#     scripts/get-mnist.sh mnist        MNIST or nothing
#     scripts/get-mnist.sh fashion      Fashion-MNIST: clothes instead of digits, same format, from Debian's archive
#
# Files are checked against known SHA-256 sums. data/mnist/ORIGIN tells which of the two is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted="${1:-any}"
case "$wanted" in
any | mnist | fashion) ;;
*)
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
esac

folder=data/mnist
mkdir -p "$folder"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

mirrors=(
    https://ossci-datasets.s3.amazonaws.com/mnist
    https://storage.googleapis.com/cvdf-datasets/mnist
)
mnist_sums='440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609  train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c  train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6  t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6  t10k-labels-idx1-ubyte.gz'
# Of the unpacked files: Debian packs them anew.
fashion_sums='c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte'

# Whether a folder holds the four files, and they are what they should be.
holds_mnist() { (cd "$1" && sha256sum --check --status - <<<"$mnist_sums" 2>/dev/null); }
holds_fashion() {
    local sum file
    while read -r sum file; do
        [ "$(gzip -dc "$1/$file.gz" 2>/dev/null | sha256sum)" = "$sum  -" ] || return 1
    done <<<"$fashion_sums"
}

get_mnist() {
    local mirror file
    for mirror in "${mirrors[@]}"; do
        echo "MNIST: trying $mirror"
        for file in {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz; do
            if command -v curl >/dev/null; then
                curl -fsL --connect-timeout 10 --retry 1 -o "$work/$file" "$mirror/$file" || continue 2
            else
                wget -q --timeout=10 --tries=2 -O "$work/$file" "$mirror/$file" || continue 2
            fi
        done
        holds_mnist "$work" && return
        echo "MNIST: what $mirror sent is not MNIST (its checksums differ); not used" >&2
    done
    return 1
}

# Takes the files out of Debian's package without installing it, so that nobody need be root: apt with lists of its own.
get_fashion() {
    local package=dataset-fashion-mnist installed=/usr/share/datasets/fashion-mnist
    if [ -d "$installed" ]; then
        cp "$installed"/*.gz "$work"
    else
        command -v apt-get >/dev/null || {
            echo "Fashion-MNIST: comes as Debian's package $package, and there is no apt here" >&2
            return 1
        }
        echo "Fashion-MNIST: fetching Debian's package $package (31 MB)"
        mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
        local options=(-qq -o APT::Sandbox::User= -o "Dir::State::Lists=$work/apt/lists" -o "Dir::Cache=$work/apt/cache")
        (cd "$work" && apt-get -qq -o APT::Sandbox::User= download "$package" 2>/dev/null) ||
            (cd "$work" && apt-get "${options[@]}" update && apt-get "${options[@]}" download "$package") || return 1
        dpkg-deb -x "$work/$package"_*.deb "$work/package"
        cp "$work/package$installed"/*.gz "$work"
    fi
    holds_fashion "$work" || {
        echo "Fashion-MNIST: the package holds other files than expected (their checksums differ)" >&2
        return 1
    }
}

describe() {
    if [ "$1" = mnist ]; then
        echo "MNIST: 70,000 handwritten digits. Y. LeCun, C. Cortes, C. J. C. Burges; derived from NIST's databases; CC BY-SA 3.0."
    else
        echo "Fashion-MNIST: 70,000 articles of clothing. Zalando SE; MIT licence."
    fi
}

if [ "$wanted" != fashion ] && holds_mnist "$folder"; then
    got=mnist
elif [ "$wanted" != mnist ] && holds_fashion "$folder"; then
    got=fashion
elif [ "$wanted" != fashion ] && get_mnist; then
    got=mnist
elif [ "$wanted" = mnist ]; then
    echo "No mirror of MNIST can be reached from here. 'scripts/get-mnist.sh fashion' gets Fashion-MNIST instead." >&2
    exit 1
else
    [ "$wanted" = fashion ] || echo "MNIST: no mirror can be reached; taking Fashion-MNIST instead"
    get_fashion || exit 1
    got=fashion
fi
files=("$work"/*-ubyte.gz)
if [ -e "${files[0]}" ]; then
    rm -rf "$folder"/mnist_train_lmdb "$folder"/mnist_test_lmdb
    mv "${files[@]}" "$folder"
fi
describe "$got" >"$folder/ORIGIN"

netrun=.build/release/netrun
[ -x "$netrun" ] || netrun="$(command -v netrun)" || {
    echo "The files are in $folder. Build netrun (scripts/quickstart.sh), then run this again to make databases of them." >&2
    exit 1
}
for part in train:train t10k:test; do
    database="$folder/mnist_${part#*:}_lmdb"
    [ -e "$database/data.mdb" ] ||
        "$netrun" convert mnist "$folder/${part%:*}-images-idx3-ubyte.gz" "$folder/${part%:*}-labels-idx1-ubyte.gz" "$database"
done
echo
cat "$folder/ORIGIN"
echo "Databases: $folder/mnist_train_lmdb, $folder/mnist_test_lmdb"
echo "Train on them: $netrun train models/lenet/solver-10k.txt"
