#!/bin/sh
# Takes a payment and waits for it: take-payment.sh DEVICE AMOUNT REFERENCE
#
# Exit 0: paid, and the order's id is on stdout. Exit 1: not paid, and nothing was charged. Exit 2: somebody has to look.
# Give each sale a reference of its own: then this can be called again after any exit, and charges nobody twice.
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
    7 | 9) echo "it is not known whether $reference is charged: see kustom sessions recover" >&2; exit 2 ;;
    *) echo "it went wrong (exit $code), as told above" >&2; exit 2 ;;
esac
