#!/usr/bin/env bash
# Makes C of Sources/CCaffeSchema/caffe.proto; with a folder as argument, makes it there instead.
# Needs protoc-c (Debian: protobuf-c-compiler).
set -euo pipefail
source="$(cd "$(dirname "${BASH_SOURCE[0]}")/../Sources/CCaffeSchema" && pwd)"
target="${1:-$source}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

protoc-c --proto_path="$source" --c_out="$work" caffe.proto

# protobuf-c calls the first member of every struct `base`, and so do Exp and Log a field of theirs.
# (An option could say so in caffe.proto, but then no other protobuf tool could read that file.)
sed -i 's/^  ProtobufCMessage base;$/  ProtobufCMessage header;/' "$work/caffe.pb-c.h"
sed -i 's/message->base\.descriptor/message->header.descriptor/' "$work/caffe.pb-c.c"

mkdir -p "$target/include"
cp "$work/caffe.pb-c.h" "$target/include/caffe.pb-c.h"
cp "$work/caffe.pb-c.c" "$target/caffe.pb-c.c"
