"""Receives a number of deliveries, verifies each with the Standard Webhooks library, and prints their types."""

import http.server
import os
import sys

from standardwebhooks.webhooks import Webhook

secret_file, ready_file, count = sys.argv[1:]
webhook = Webhook(open(secret_file).read().strip())
left = int(count)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global left
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        callback = webhook.verify(body, dict(self.headers))
        assert callback["id"] == self.headers["webhook-id"]
        print(callback["type"], flush=True)
        self.send_response(204)
        self.end_headers()
        left -= 1

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
with open(ready_file + ".tmp", "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}/callbacks")
os.rename(ready_file + ".tmp", ready_file)
while left > 0:
    server.handle_request()
