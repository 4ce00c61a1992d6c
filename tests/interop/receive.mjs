// Receives a number of deliveries, verifies each with the Standard Webhooks library, and prints their types.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { Webhook } = createRequire(`${process.env.INTEROP_FOLDER}/`)("standardwebhooks");

const [secretFile, readyFile, count] = process.argv.slice(2);
const webhook = new Webhook(readFileSync(secretFile, "utf8").trim());
let left = Number(count);

const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const callback = webhook.verify(Buffer.concat(chunks).toString(), request.headers);
    if (callback.id !== request.headers["webhook-id"]) throw new Error("another id");
    console.log(callback.type);
    response.writeHead(204, { connection: "close" }).end();
    left -= 1;
    if (left === 0) server.close();
});

server.listen(0, "127.0.0.1", () => {
    writeFileSync(`${readyFile}.tmp`, `http://127.0.0.1:${server.address().port}/callbacks`);
    renameSync(`${readyFile}.tmp`, readyFile);
});
