#!/usr/bin/env bash
# Checks what netrun needs of this machine, and installs with apt what is missing; with all there, it does nothing.
#
#     scripts/setup.sh          what building and running need
#     scripts/setup.sh test     and what scripts/test.sh needs
#
# For Debian 12, Ubuntu 24.04 and their relatives. Elsewhere it names what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf 'setup: %s\n' "$1" >&2
    shift
    printf '       %s\n' "$@" >&2
    exit 1
}

# The C libraries: Package.swift has the pkg-config name and the apt package of each.
libraries() {
    tr -d '\n' <Package.swift |
        grep -oE 'pkgConfig: "[^"]+", *providers: \[\.apt\(\["[^"]+"' |
        sed -E 's/pkgConfig: "([^"]+)".*\["([^"]+)"$/\1 \2/'
}

missing_packages() {
    command -v pkg-config >/dev/null || echo pkg-config
    while read -r name package; do
        pkg-config --exists "$name" 2>/dev/null || echo "$package"
    done < <(libraries)
    # Its headers are needed to build; the library is loaded when the first HDF5 file is met.
    pkg-config --exists hdf5 2>/dev/null || echo libhdf5-dev
    if [ "${1:-}" = test ]; then
        command -v protoc-c >/dev/null || echo protobuf-c-compiler
        command -v clang-format >/dev/null || echo clang-format
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    else
        sudo env DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

apt_install() { as_root apt-get install -y --no-install-recommends "$@"; }

install_packages() {
    command -v apt-get >/dev/null ||
        fail "missing: $*" "these are Debian's names; install the same libraries with your package manager"
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        fail "missing: $*" "as root, run: apt-get install --no-install-recommends $*"
    fi
    echo "Packages: installing $*"
    local log
    log="$(mktemp)"
    # The lists of packages are fetched only if there are none, or if they are too old to be of use.
    if ! apt-cache show "$@" >/dev/null 2>&1 || ! apt_install "$@" >"$log" 2>&1; then
        if ! as_root apt-get update >"$log" 2>&1 || ! apt_install "$@" >>"$log" 2>&1; then
            tail -n 15 "$log" >&2
            fail "apt could not install: $*" "its whole output is in $log"
        fi
    fi
    rm -f "$log"
}

check_swift() {
    local least version folder
    least="$(sed -nE '1s/.*swift-tools-version: *([0-9.]+).*/\1/p' Package.swift)"
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin "$HOME/.local/share/swiftly/bin" /usr/share/swift/usr/bin; do
            if [ -x "$folder/swift" ]; then
                fail "Swift is in $folder, which is not on the PATH" "run: export PATH=\"$folder:\$PATH\""
            fi
        done
        fail "there is no Swift on this machine" \
            "https://www.swift.org/install/linux has it for Debian and Ubuntu; netrun needs $least or later"
    fi
    version="$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9.]+' | head -n 1 | grep -oE '[0-9.]+')" ||
        fail "'swift --version' fails; try it by hand"
    if [ "$(printf '%s\n' "$least" "$version" | sort -V | head -n 1)" != "$least" ]; then
        fail "Swift $version is too old: netrun needs $least or later" \
            "https://www.swift.org/install/linux has newer ones"
    fi
    echo "Swift: $version"
}

mapfile -t missing < <(missing_packages "${1:-}")
if [ "${#missing[@]}" -gt 0 ]; then
    install_packages "${missing[@]}"
    mapfile -t missing < <(missing_packages "${1:-}")
    [ "${#missing[@]}" = 0 ] || fail "installed, but still not found: ${missing[*]}" \
        "is PKG_CONFIG_PATH or PATH set to something unusual?"
    echo "Packages: installed"
else
    echo "Packages: all there"
fi
check_swift
