#!/usr/bin/env bash
# Runs 200 clients against one emulator for a minute. Every response must be correct, and the emulator must use less than
# 150 MB. Memory is measured on Linux only.
#
#   tests/load/run.sh [CLIENTS [SECONDS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
clients=${1:-200} seconds=${2:-60} most=150000

cargo build --release --locked --quiet
executable=$(cargo build --profile load --bench clients --locked --message-format=json 2>/dev/null |
    sed -n 's/.*"name":"clients".*"executable":"\([^"]*\)".*/\1/p')
program=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/kustom

folder=$(mktemp -d)
emulator=
finish() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
"$program" dev emulator --listen 127.0.0.1:0 --ready-file "$folder/ready" > /dev/null 2> "$folder/log" &
emulator=$!
for _ in $(seq 300); do
    [ ! -e "$folder/ready" ] || break
    kill -0 "$emulator" || exit 1
    sleep 0.1
done

"$executable" "$(cat "$folder/ready")" "$clients" "$seconds"
[ -e "/proc/$emulator/status" ] || exit 0
peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$emulator/status")
echo "peak memory of the emulator: $((peak / 1000)).$((peak % 1000 / 100)) MB"
[ "$peak" -lt "$most" ] || { echo "that is more than $((most / 1000)) MB"; exit 1; }
