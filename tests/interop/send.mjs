// Signs a delivery with the Standard Webhooks library, posts it, and prints the status of the response.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Webhook } = createRequire(`${process.env.INTEROP_FOLDER}/`)("standardwebhooks");

const [secretFile, url, name] = process.argv.slice(2);
const now = new Date();
const body = JSON.stringify({ id: name, type: "session.created", data: { session_id: "é" } });
const response = await fetch(url, {
    method: "POST",
    body,
    headers: {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": new Webhook(readFileSync(secretFile, "utf8").trim()).sign(name, now, body),
    },
});
console.log(response.status);
