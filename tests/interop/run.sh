#!/bin/sh
# Exchanges callbacks between kustom and the Standard Webhooks libraries for Python and JavaScript, in both directions.
# It is not part of `cargo test`, because it needs python3, node, npm and, on the first run, the network.
#
#   tests/interop/run.sh            with target/debug/kustom
#   KUSTOM=path tests/interop/run.sh
#
# The libraries are installed in $INTEROP_FOLDER [default: ${TMPDIR:-/tmp}/kustom-interop].

set -eu

here=$(cd "$(dirname "$0")" && pwd)
kustom=${KUSTOM:-$here/../../target/debug/kustom}
libraries=${INTEROP_FOLDER:-${TMPDIR:-/tmp}/kustom-interop}
python_version=1.0.1
javascript_version=1.0.0

missing=
for tool in python3 node npm; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -x "$kustom" ] || missing="$missing $kustom (run: cargo build)"
if [ -n "$missing" ]; then
    echo "missing:$missing" >&2
    exit 2
fi

mkdir -p "$libraries"
python=$libraries/python/bin/python
if ! "$python" -c 'import standardwebhooks' 2>/dev/null; then
    python3 -m venv "$libraries/python"
    "$python" -m pip install --quiet "standardwebhooks==$python_version"
fi
if [ ! -d "$libraries/node_modules/standardwebhooks" ]; then
    npm install --silent --no-audit --no-fund --prefix "$libraries" "standardwebhooks@$javascript_version"
fi

work=$(mktemp -d)
children=
finish() {
    for child in $children; do
        kill "$child" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap finish EXIT

# Ignore the user's configuration.
export KUSTOM_CONFIG="$work/profiles.toml" KUSTOM_STATE="$work/state"
unset KUSTOM_PROFILE KUSTOM_API_KEY KUSTOM_BASE_URL KUSTOM_MERCHANT_ID KUSTOM_OUTPUT KUSTOM_USERNAME || true

python3 -c 'import base64, secrets; print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())' >"$work/secret"
python3 -c 'import base64, secrets; print("whsec_" + base64.b64encode(secrets.token_bytes(24)).decode())' >"$work/next"

in_python() { "$python" "$here/$1.py" "$2" "$3" "$4"; }
in_javascript() { INTEROP_FOLDER="$libraries" node "$here/$1.mjs" "$2" "$3" "$4"; }

wait_for() {
    tries=0
    while [ ! -s "$1" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ]; then
            echo "timed out: $1 was not written" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# Sends the emulator's callbacks and samples, signed with two secrets, to a receiver that has one of the secrets.
ours_to_theirs() {
    language=$1
    ready="$work/ready-$language"
    "in_$language" receive "$2" "$ready" 11 >"$work/received-$language" &
    receiver=$!
    children="$children $receiver"
    wait_for "$ready"
    url=$(cat "$ready")
    "$kustom" -q dev emulator --listen 127.0.0.1:0 --ready-file "$work/emulator-$language" \
        --callback-url "$url" --callback-secret-file "$work/secret" --callback-secret-file "$work/next" >/dev/null &
    emulator=$!
    children="$children $emulator"
    wait_for "$work/emulator-$language"
    (
        KUSTOM_BASE_URL=$(cat "$work/emulator-$language")
        KUSTOM_API_KEY=kco_test_api_emulator
        KUSTOM_MERCHANT_ID=EMULATED
        export KUSTOM_BASE_URL KUSTOM_API_KEY KUSTOM_MERCHANT_ID
        "$kustom" -q dev create-device --name Till >/dev/null
        "$kustom" -q sessions create --device Till --amount 249.50 --currency SEK -o csv >"$work/session"
        session=$(sed -n '2s/,.*//p' "$work/session")
        "$kustom" -q dev simulate-tap "$session" --outcome insufficient-funds >/dev/null
        "$kustom" -q dev simulate-tap "$session" >/dev/null
    )
    for event in session.created session.activated session.finalized session.cancelled payment.failed; do
        "$kustom" -q dev trigger "$event" --to "$url" --secret-file "$work/secret" --secret-file "$work/next" >/dev/null
    done
    wait "$receiver"
    kill "$emulator"
    [ "$(wc -l <"$work/received-$language")" -eq 11 ]
    echo "kustom -> $language ($3 secret): $(sort "$work/received-$language" | uniq -c | tr -s ' \n' ' ')"
}

# Sends deliveries signed with each secret to a listener that has both, and one that is signed with neither.
theirs_to_ours() {
    language=$1
    rm -f "$work/listener"
    "$kustom" -q webhooks listen --listen 127.0.0.1:0 --ready-file "$work/listener" -o ndjson --timeout 60s \
        --secret-file "$work/secret" --secret-file "$work/next" --exit-after 2 >"$work/listened" &
    listener=$!
    children="$children $listener"
    wait_for "$work/listener"
    url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/listener")
    python3 -c 'print("whsec_" + "A" * 32)' >"$work/other"
    [ "$("in_$language" send "$work/other" "$url" "evt_other_$language")" = 401 ]
    [ "$("in_$language" send "$work/secret" "$url" "evt_one_$language")" = 200 ]
    [ "$("in_$language" send "$work/next" "$url" "evt_two_$language")" = 200 ]
    wait "$listener"
    echo "$language -> kustom: $(sed 's/.*"outcome":"\([a-z_]*\)".*/\1/' "$work/listened" | tr '\n' ' ')"
}

ours_to_theirs python "$work/secret" first
ours_to_theirs javascript "$work/next" second
theirs_to_ours python
theirs_to_ours javascript
echo "all deliveries were verified"
