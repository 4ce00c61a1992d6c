"""Signs a delivery with the Standard Webhooks library, posts it, and prints the status of the response."""

import datetime
import json
import sys
import urllib.error
import urllib.request

from standardwebhooks.webhooks import Webhook

secret_file, url, name = sys.argv[1:]
now = datetime.datetime.now(tz=datetime.timezone.utc)
body = json.dumps({"id": name, "type": "session.created", "data": {"session_id": "é"}}, ensure_ascii=False)
headers = {
    "content-type": "application/json",
    "webhook-id": name,
    "webhook-timestamp": str(int(now.timestamp())),
    "webhook-signature": Webhook(open(secret_file).read().strip()).sign(name, now, body),
}
try:
    print(urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code)
