#!/usr/bin/env bash
# Everything that a change must pass, from a bare machine on: set-up, format, a build without warnings, all tests, a
# whole run. Goes on after a failure, sums up at the end, and exits with 1 if anything failed.
# shellcheck disable=SC2317 # functions are called by name, through check
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

results=()
failures=0
failed_tests=

# Runs a check and notes how it went.
check() {
    local title=$1 start=$SECONDS outcome=passed
    shift
    printf '\n==> %s\n' "$title"
    if ! "$@"; then
        outcome=FAILED
        failures=$((failures + 1))
    fi
    results+=("$(printf '%-7s %5d s  %s' "$outcome" $((SECONDS - start)) "$title")")
    [ "$outcome" = passed ]
}

sum_up() {
    printf '\n==> Summary\n'
    printf '%s\n' "${results[@]}"
    [ -z "$failed_tests" ] || printf '%s\n' "$failed_tests"
    if [ "$failures" = 0 ]; then
        echo "All checks passed in $SECONDS s."
    else
        echo "$failures of ${#results[@]} checks failed."
    fi
    exit "$((failures > 0))"
}

swift_format() { swift format lint --strict --recursive --parallel Sources Tests Package.swift; }

c_format() {
    command -v clang-format >/dev/null || {
        echo "There is no clang-format here; left to a machine that has it."
        return 0
    }
    local file wrong=()
    # What protoc-c makes is not ours to format.
    while IFS= read -r -d '' file; do
        clang-format --dry-run -Werror "$file" 2>/dev/null || wrong+=("$file")
    done < <(git ls-files -z '*.c' '*.h' ':!Sources/CCaffeSchema/*caffe.pb-c.*')
    [ "${#wrong[@]}" = 0 ] && return
    echo "Not as .clang-format says. To mend: clang-format -i ${wrong[*]}"
    return 1
}

# swift build and swift test must get the same options, or the second builds all again.
options=(-Xswiftc -warnings-as-errors)
build_tests() { swift build --build-tests --quiet "${options[@]}"; }

# What failed is said again below all the rest, where a reader looks first.
run_tests() {
    local log code=0
    log=$(mktemp)
    swift test --skip-build "${options[@]}" 2>&1 | tee "$log" || code=$?
    [ "$code" = 0 ] || failed_tests=$(grep -aE '^(✘|Fatal error|error:)' "$log" | cut -c1-300 | head -40)
    rm -f "$log"
    return "$code"
}
build_release() { swift build -c release --product netrun --quiet; }

check "Set-up" scripts/setup.sh test || sum_up
check "Swift is formatted" swift_format
check "C is formatted" c_format
if check "Everything builds without warnings" build_tests; then
    check "Tests" run_tests
fi
if check "Release build" build_release; then
    check "A whole run: convert, train, resume, test" scripts/whole-run.sh .build/release/netrun
fi
sum_up
