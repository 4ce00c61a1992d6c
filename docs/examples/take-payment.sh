#!/bin/sh
# Takes a payment and waits for it: take-payment.sh DEVICE AMOUNT REFERENCE
#
# Exit 0: paid, and the order ID is on stdout. Exit 1: not paid, and nothing was charged. Exit 2: a person has to check.
# Give each sale its own reference. Then you can run the script again after any exit, and nobody is charged twice.
set -eu

device=$1 amount=$2 reference=$3
currency=SEK

session=$(mktemp)
trap 'rm -f "$session"' EXIT

code=0
kustom sessions create --device "$device" --amount "$amount" --currency "$currency" \
    --reference "$reference" --if-exists return --watch --timeout 3m --cancel-on-timeout --yes \
    -o json > "$session" || code=$?

case $code in
    0) jq -r .order_id "$session" ;;
    10 | 11 | 12) echo "not paid: $(jq -r .status "$session")" >&2; exit 1 ;;
    6) echo "not paid: the service cannot be reached" >&2; exit 1 ;;
    7 | 9) echo "unknown whether $reference is charged: see kustom sessions recover" >&2; exit 2 ;;
    *) echo "failed (exit $code), see the error above" >&2; exit 2 ;;
esac
