#!/usr/bin/env bash
# Fuzzes the emulator with requests that schemathesis generates from docs/openapi.yaml, docs/order-management.yaml and
# docs/settlements.yaml, and checks every response against them. It needs schemathesis 4, for example in a virtual environment:
#
#   python3 -m venv ~/.venvs/schemathesis && ~/.venvs/schemathesis/bin/pip install 'schemathesis>=4,<5'
#   SCHEMATHESIS=~/.venvs/schemathesis/bin/schemathesis tests/fuzz/run.sh
#
# Arguments are passed to schemathesis: tests/fuzz/run.sh -n 500 --seed 7
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(dirname "$(dirname "$here")")

schemathesis=${SCHEMATHESIS:-schemathesis}
if ! version=$("$schemathesis" --version 2>/dev/null); then
    echo "schemathesis is not installed. Install it with" >&2
    echo "  python3 -m venv VENV && VENV/bin/pip install 'schemathesis>=4,<5'" >&2
    echo "and run this again with SCHEMATHESIS=VENV/bin/schemathesis" >&2
    exit 2
fi
echo "$version"
schemathesis=$(command -v "$schemathesis")

cd "$repository"
cargo build --quiet
program=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/kustom

# schemathesis writes files to the current directory.
folder=$(mktemp -d)
emulator=
finish() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

# Sells something and pays it out, so that most requests are about an order and a payout that exist.
create_order() {
    call() { curl --silent --fail --header 'Authorization: Basic kco_test_api_emulator' --header 'x-merchant-id: EMULATED' \
        --header 'Content-Type: application/json' "$@"; }
    field() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
    local device session order payout
    device=$(call "$1/ipp/v1/dev/devices" --data '{"name": "Till 1"}' | field id)
    session=$(call "$1/ipp/v1/sessions" --data "{\"device_id\": \"$device\", \"order_amount\": 100000, \"purchase_currency\": \"SEK\"}" | field session_id)
    order=$(call "$1/emulator/pos/sessions/$session/pay" --data '{}' | field order_id)
    # Where orders are captured by request, the rest can still be captured or released.
    call "$1/ordermanagement/v1/orders/$order/captures" --data '{"captured_amount": 50000}' > /dev/null || true
    call "$1/emulator/clock" --data '{"advance": "PT96H"}' > /dev/null
    payout=$(call "$1/settlements/v1/payouts" | field payment_reference)
    cat > schemathesis.toml << END
[parameters]
"path.order_id" = "$order"
"path.payment_reference" = "$payout"

# A schema cannot say that a filter by metadata has no key twice.
[[operations]]
include-name = "GET /ipp/v1/enrollments"
checks.positive_data_acceptance.enabled = false
END
}

# fuzz NAME "ARGUMENTS OF THE EMULATOR" ARGUMENTS OF THE FUZZER...
fuzz() {
    local name=$1 arguments=$2
    shift 2
    printf '\n== %s\n' "$name"
    # shellcheck disable=SC2086 # word splitting is intended
    "$program" dev emulator --quiet --listen 127.0.0.1:0 --ready-file ready $arguments > /dev/null &
    emulator=$!
    for _ in $(seq 300); do
        [ ! -e ready ] || break
        kill -0 "$emulator" || exit 1
        sleep 0.1
    done
    create_order "$(cat ready)"
    for document in openapi order-management settlements; do
        printf '\n-- docs/%s.yaml\n' "$document"
        "$schemathesis" run "$repository/docs/$document.yaml" --url "$(cat ready)" \
            --header 'Authorization: Basic kco_test_api_emulator' --header 'x-merchant-id: EMULATED' \
            --phases examples,coverage,fuzzing,stateful --continue-on-failure "$@"
    done
    kill "$emulator"
    wait "$emulator"
    emulator=
}

# The schemas cannot express two rules: a location is required unless there is exactly one, and sums must add up. Without
# these rules, every request that matches the schemas must be accepted.
fuzz 'one location, lenient sums: all checks' "--seed $here/one-location.toml --option strict_sums=false" "$@"

# With these rules, the emulator rejects some requests that match the schemas.
fuzz 'default: all checks except acceptance' '' --exclude-checks positive_data_acceptance "$@"

fuzz 'captures by request: all checks except acceptance' '--option order_capture=manual' --exclude-checks positive_data_acceptance "$@"
