#!/usr/bin/env bash
# Builds the commit that is checked out in two different folders, and compares the programs byte by byte.
# With a program that was built of this commit already, as by .ci/release-build, one build is enough:
#
#     tests/package/reproducible.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build FOLDER TARGET-FOLDER: a build of a clone, which has the commit and nothing that lies around here.
build() {
    git clone --quiet . "$1"
    CARGO_TARGET_DIR=$2 "$1/.ci/release-build" --quiet
}

commit=$(git rev-parse HEAD)
first=${1:-}
if [ -n "$first" ]; then
    case $("$first" --version) in
        *"(${commit:0:7} "*) ;;
        *) echo "$first is not built of the commit that is checked out: $("$first" --version)"; exit 1 ;;
    esac
else
    build "$work/one" "$work/one/target"
    first=$work/one/target/dist/kustom
fi
build "$work/another folder/of another depth" "$work/elsewhere"
second=$work/elsewhere/dist/kustom

cmp "$first" "$second" || { echo "two builds of one commit differ"; exit 1; }
echo "the same $(wc -c < "$first") bytes: $("$second" --version)"

# Paths of the machine would tell who built it, and where.
for path in "$work" "$PWD" "$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd)" "$(rustc --print sysroot)"; do
    if grep -qF -- "$path" "$second"; then
        echo "the program has a path of this machine in it: $path"
        strings "$second" | grep -F -- "$path" | head -5
        exit 1
    fi
done
