#!/usr/bin/env bash
# Fuzzes the emulator with whatever requests a fuzzer makes of docs/openapi.yaml, and holds every answer to it. It needs
# schemathesis 4, in a virtual environment of its own, say:
#
#   python3 -m venv ~/.venvs/schemathesis && ~/.venvs/schemathesis/bin/pip install 'schemathesis>=4,<5'
#   SCHEMATHESIS=~/.venvs/schemathesis/bin/schemathesis tests/fuzz/run.sh
#
# What follows is handed on to it: tests/fuzz/run.sh -n 500 --seed 7
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(dirname "$(dirname "$here")")

schemathesis=${SCHEMATHESIS:-schemathesis}
if ! version=$("$schemathesis" --version 2>/dev/null); then
    echo "This needs schemathesis, and there is none. Install it with" >&2
    echo "  python3 -m venv VENV && VENV/bin/pip install 'schemathesis>=4,<5'" >&2
    echo "and run this again with SCHEMATHESIS=VENV/bin/schemathesis" >&2
    exit 2
fi
echo "$version"
schemathesis=$(command -v "$schemathesis")

cd "$repository"
cargo build --quiet
program=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/kustom

# The fuzzer keeps notes where it runs: not in the repository.
folder=$(mktemp -d)
emulator=
finish() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

# fuzz NAME "ARGUMENTS OF THE EMULATOR" ARGUMENTS OF THE FUZZER...
fuzz() {
    local name=$1 arguments=$2
    shift 2
    printf '\n== %s\n' "$name"
    # shellcheck disable=SC2086 # they are several
    "$program" dev emulator --quiet --listen 127.0.0.1:0 --ready-file ready $arguments > /dev/null &
    emulator=$!
    for _ in $(seq 300); do
        [ ! -e ready ] || break
        kill -0 "$emulator" || exit 1
        sleep 0.1
    done
    "$schemathesis" run "$repository/docs/openapi.yaml" --url "$(cat ready)" \
        --header 'Authorization: Basic kco_test_api_emulator' --header 'x-merchant-id: EMULATED' \
        --phases examples,coverage,fuzzing,stateful --checks all --continue-on-failure "$@"
    kill "$emulator"
    wait "$emulator"
    emulator=
}

# Two things are in the description as words only, so no fuzzer knows them: that a location is needed where there is not
# exactly one, and that sums must add up. Where neither matters, everything that the schemas allow has to be accepted.
fuzz 'one location, lenient sums: every check' "--seed $here/one-location.toml --option strict_sums=false" "$@"

# As it is by default: all that follows from the schemas, but not that whatever they allow is accepted.
fuzz 'by default: every check but that of acceptance' '' --exclude-checks positive_data_acceptance "$@"
