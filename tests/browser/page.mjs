// Drives the emulator's page in a real browser. usage: node page.mjs KUSTOM CHROMIUM MODULES DIR
// Exits with 0 if everything is as expected.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [kustom, chromiumPath, modules, dir] = process.argv.slice(2);
const require = createRequire(join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const KEY = 'kco_test_api_emulator';
const STOCKHOLM = '51e2a9c4-7b0d-4f63-9d18-3ac5f0e72b41';

const cleanup = [];
const listen = (handler) => new Promise((resolve) => {
  const server = http.createServer(handler).listen(0, '127.0.0.1', () => resolve(server));
  cleanup.push(() => { server.closeAllConnections(); server.close(); });
});

// The application that receives callbacks.
const received = [];
const application = await listen((request, response) => {
  let body = '';
  request.on('data', (chunk) => { body += chunk; });
  request.on('end', () => { received.push({ headers: request.headers, body }); response.writeHead(200).end('thanks'); });
});

// The emulator.
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
writeFileSync(join(dir, 'secret.txt'), secret);
const env = { PATH: process.env.PATH, HOME: dir, KUSTOM_STATE: join(dir, 'state'), KUSTOM_CONFIG: join(dir, 'profiles.toml') };
const emulator = spawn(kustom, ['dev', 'emulator', '--listen', '127.0.0.1:0', '-o', 'json',
  '--callback-url', `http://127.0.0.1:${application.address().port}/hook`, '--callback-secret-file', 'secret.txt'], { cwd: dir, env });
cleanup.push(() => emulator.kill('SIGTERM'));
emulator.stderr.resume();
const { url } = JSON.parse(await new Promise((resolve) => emulator.stdout.once('data', resolve)));

async function api(method, path, body, expected = [200, 201, 202, 204]) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Basic ${KEY}`, 'x-merchant-id': 'EMULATED', ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  assert(expected.includes(response.status), `${method} ${path}: ${response.status}`);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

const browser = await chromium.launch({
  executablePath: chromiumPath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--no-first-run', '--host-resolver-rules=MAP evil.example 127.0.0.1'],
});
cleanup.push(() => browser.close());

const problems = [];
async function open(colorScheme, at = url) {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1440, height: 1000 } });
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: at });
  const page = await context.newPage();
  page.on('console', (message) => {
    // The browser reports every response of 4xx; the page shows those itself.
    if (message.type() === 'error' && !message.text().includes('the server responded with a status of 4')) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('request', (request) => { if (!request.url().startsWith(at)) problems.push(`request to ${request.url()}`); });
  await page.goto(at);
  await page.waitForSelector('#connection[data-state=on]');
  return page;
}

async function accessible(page, what) {
  await page.evaluate(axe + '; 0').catch(async () => { await page.addScriptTag({ content: axe }); });
  const { violations } = await page.evaluate(() => axe.run());
  assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], what);
}

function assertSigned({ headers, body }) {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(signed).digest('base64');
  assert.equal(headers['webhook-signature'], `v1,${expected}`);
}

async function check(name, work) {
  try {
    await work();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}`);
    throw error;
  }
}

const sale = (device, more = {}) => ({ device_id: device, order_amount: 24950, order_tax_amount: 4990, purchase_currency: 'SEK',
  order_items: [{ name: 'T-Shirt', quantity: 2, unit_price: 10000, tax_rate: 2500, total_amount: 20000, total_tax_amount: 4000 },
    { name: 'Bag', quantity: 1, unit_price: 4950, tax_rate: 2500, total_amount: 4950, total_tax_amount: 990 }], ...more });

try {
  const page = await open('light');
  const other = await open('dark');
  let device;
  const phone = (on = page) => on.locator(`#phone-${device}`);
  const shows = (text, on = page) => phone(on).getByText(text, { exact: false }).first().waitFor({ timeout: 10_000 });

  await check('a phone is paired with a code, and both tabs show it', async () => {
    await accessible(page, 'the empty page');
    const { enrollment_code: code } = await api('POST', '/ipp/v1/enrollments', { location_id: STOCKHOLM });
    await page.fill('#pair-code', code.toLowerCase());
    await page.fill('#pair-name', 'Till 1');
    await page.click('#pair');
    await page.getByRole('heading', { name: 'Till 1' }).waitFor();
    await other.getByRole('heading', { name: 'Till 1' }).waitFor();
    device = (await api('GET', '/emulator/phones')).phones[0].id;
    assert.equal(await page.inputValue('#pair-code'), '');
    assert(!(await page.content()).includes(code), 'the code is on the page');
  });

  await check('a sale is declined and then paid', async () => {
    await api('POST', '/ipp/v1/sessions', sale(device, { merchant_reference1: 'receipt-1001' }));
    await shows('249.50');
    await shows('T-Shirt × 2');
    await shows('49.90');
    await phone().getByRole('button', { name: 'Card', exact: true }).click();
    await phone().getByLabel('Reason').selectOption('insufficient-funds');
    await phone().getByRole('button', { name: 'Decline' }).click();
    await shows('insufficient funds');
    assert.equal(await phone().getByLabel('Reason').inputValue(), 'insufficient-funds', 'the reason was reset');
    await page.locator('#requests').getByText('Till 1 · receipt-1001 · 249.50 SEK').first().waitFor();
    await page.locator('#callbacks').getByText('Till 1 · receipt-1001 · 249.50 SEK').first().waitFor();
    await accessible(page, 'an open sale');
    await accessible(other, 'an open sale in the dark');
    await phone().getByRole('button', { name: 'Tap card' }).click();
    await shows('Paid');
    await shows('Paid', other);
  });

  await check('a sale is canceled on the phone', async () => {
    await api('POST', '/ipp/v1/sessions', sale(device));
    await phone().getByRole('button', { name: 'Cancel' }).click();
    await shows('Canceled');
  });

  await check('without the network no sale reaches the phone', async () => {
    await page.getByRole('button', { name: 'Disconnect the network of Till 1' }).click();
    await shows('No network');
    await api('POST', '/ipp/v1/sessions', sale(device), [409]);
    await page.getByText('is offline').first().waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Connect the network of Till 1' }).click();
    await phone().getByText('No network').waitFor({ state: 'detached' });
  });

  await check('a sale expires when the clock is advanced', async () => {
    await api('POST', '/ipp/v1/sessions', sale(device));
    await shows('249.50');
    await page.fill('#advance-by', '20m');
    await page.click('#advance');
    await shows('Expired');
    await shows('Expired', other);
  });

  await check('a mistake is explained, and nothing typed is lost', async () => {
    await page.fill('#fault', 'POST /ipp/v1/sessions: nonsense');
    await page.click('#add-fault');
    await page.locator('#message').getByText('is not a fault').waitFor();
    assert.equal(await page.inputValue('#fault'), 'POST /ipp/v1/sessions: nonsense');
    await page.fill('#fault', 'POST /ipp/v1/sessions: 503 once');
    await page.click('#add-fault');
    await page.locator('#controls').getByText(/503 (x1|once)/).waitFor();
    await api('POST', '/ipp/v1/sessions', sale(device), [503]);
    await page.locator('#requests').getByText('fault 1').waitFor();
    await page.click('#clear-faults');
  });

  await check('a callback is sent again', async () => {
    const paid = page.locator('#callbacks details', { hasText: 'ipp.session.finalized' }).first();
    await paid.getByText('acknowledged').waitFor();
    await paid.locator('summary').click();
    await paid.getByText('webhook-signature').first().waitFor();
    const [before, attempts] = [received.length, await paid.getByRole('heading', { name: /^Attempt/ }).count()];
    await paid.getByRole('button', { name: 'Send again' }).click();
    await paid.getByRole('heading', { name: `Attempt ${attempts + 1}` }).waitFor();
    const [first, again] = [received.find(({ body }) => body.includes('session.finalized')), received.at(-1)];
    assert.equal(received.length, before + 1);
    assert.equal(again.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(again.body, first.body);
    assertSigned(again);
    assert(!(await page.content()).includes(secret.slice(6)), 'the secret is on the page');
  });

  await check('the keyboard is enough, and keeps its place', async () => {
    await api('POST', '/ipp/v1/sessions', sale(device));
    await shows('249.50');
    const tabTo = async (prefix) => {
      for (let presses = 0; presses < 200; presses += 1) {
        if ((await page.evaluate(() => document.activeElement.id)).startsWith(prefix)) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`the keyboard does not reach ${prefix}`);
    };
    await page.evaluate(() => document.activeElement.blur());
    await tabTo('choose-swish-');
    await page.keyboard.press('Enter');
    await phone().getByRole('button', { name: 'Pay with Swish' }).waitFor();
    assert((await page.evaluate(() => document.activeElement.id)).startsWith('choose-swish-'), 'the focus was lost');
    await tabTo('pay-');
    await page.keyboard.press('Enter');
    await shows('Paid');
  });

  await check('a played sale is copied as curl, and as a scenario that passes', async () => {
    const request = page.locator('#requests details', { hasText: /POST\/ipp\/v1\/sessionsTill 1.*200/ }).first();
    await request.locator('summary').click();
    await request.getByRole('button', { name: 'Copy as curl' }).click();
    await page.locator('#message').getByText('Copied').waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^curl -X POST http:/);
    await accessible(page, 'open details');
    for (const button of [request.getByRole('button', { name: 'Copy as scenario' }), page.getByRole('button', { name: 'Copy all as scenario' })]) {
      await button.click();
      await page.waitForTimeout(200);
      await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith('# Recorded'));
      const scenario = await page.evaluate(() => navigator.clipboard.readText());
      writeFileSync(join(dir, 'sale.toml'), scenario);
      const run = spawnSync(kustom, ['dev', 'run', 'sale.toml'], { cwd: dir, env, encoding: 'utf8' });
      assert.equal(run.status, 0, scenario + run.stdout + run.stderr);
      await page.evaluate(() => navigator.clipboard.writeText(''));
    }
  });

  await check('the page of the listener shows a callback and sends it again', async () => {
    const forwarded = [];
    const target = await listen((request, response) => {
      let body = '';
      request.on('data', (chunk) => { body += chunk; });
      request.on('end', () => { forwarded.push({ headers: request.headers, body }); response.writeHead(204).end(); });
    });
    const listener = spawn(kustom, ['webhooks', 'listen', '--secret-file', 'secret.txt', '--listen', '127.0.0.1:0', '-o', 'ndjson',
      '--ui', '127.0.0.1:0', '--forward-to', `http://127.0.0.1:${target.address().port}/hook`], { cwd: dir, env });
    cleanup.push(() => listener.kill('SIGTERM'));
    listener.stdout.resume();
    const lines = createInterface({ input: listener.stderr })[Symbol.asyncIterator]();
    const { ready } = JSON.parse((await lines.next()).value);
    const ui = JSON.parse((await lines.next()).value).page;
    const inbox = await open('light', ui.url);
    await inbox.getByText('Callbacks appear here').waitFor();
    await accessible(inbox, 'the empty page of the listener');
    const trigger = spawn(kustom, ['dev', 'trigger', 'session.finalized', '--to', ready.url, '--secret-file', 'secret.txt'], { cwd: dir, env });
    assert.equal(await new Promise((resolve) => trigger.on('exit', resolve)), 0);
    const callback = inbox.locator('#callbacks details', { hasText: 'ipp.session.finalized' });
    await callback.getByText('acknowledged').waitFor();
    await callback.locator('summary').click();
    await accessible(inbox, 'a callback of the listener');
    await callback.getByRole('button', { name: 'Send again' }).click();
    for (let tries = 0; forwarded.length < 2 && tries < 200; tries += 1) await inbox.waitForTimeout(50);
    const [first, again] = forwarded;
    assert.equal(forwarded.length, 2);
    assert.equal(again.body, first.body);
    assert.equal(again.headers['kustom-repeated'], 'true');
    assertSigned(again);
    assert(!(await inbox.content()).includes(secret.slice(6)), 'the secret is on the page');
  });

  await check('a page of another origin can neither change nor read anything', async () => {
    const devices = (await api('GET', '/emulator/phones')).phones.length;
    const evil = await listen((_, response) => response.writeHead(200, { 'content-type': 'text/html' })
      .end(`<form id=f method=post action="${url}/emulator/page/act" target=x><input name=do value=reset></form><iframe name=x></iframe>`));
    const context = await browser.newContext();
    const stranger = await context.newPage();
    await stranger.goto(`http://127.0.0.1:${evil.address().port}/`);
    const results = await stranger.evaluate(async ([target, key]) => {
      const attempt = (path, options) => fetch(target + path, options).then((response) => response.text(), () => 'blocked');
      document.getElementById('f').submit();
      return Promise.all([
        attempt('/', { headers: { accept: 'text/html' } }),
        attempt('/emulator/phones', { headers: { authorization: `Basic ${key}` } }),
        attempt('/emulator/reset', { method: 'POST', headers: { authorization: `Basic ${key}` } }),
        attempt('/emulator/page/act', { method: 'POST', mode: 'no-cors', body: new URLSearchParams({ do: 'reset' }) }),
        new Promise((resolve) => { const events = new EventSource(`${target}/emulator/page/events`); events.onerror = () => resolve('blocked'); events.onmessage = () => resolve('read'); }),
      ]);
    }, [url, KEY]);
    assert.deepEqual(results, ['blocked', 'blocked', 'blocked', '', 'blocked']);
    assert.equal((await api('GET', '/emulator/phones')).phones.length, devices);
    await context.close();
  });

  await check('a foreign host name that resolves to this machine is refused', async () => {
    const context = await browser.newContext();
    const stranger = await context.newPage();
    const response = await stranger.goto(`http://evil.example:${new URL(url).port}/`);
    assert.equal(response.status(), 403);
    await context.close();
  });

  await check('a reset empties the page', async () => {
    await page.locator('#reset-confirm summary').click();
    await page.click('#reset');
    await phone().waitFor({ state: 'detached' });
    await accessible(page, 'after a reset');
  });

  await check('no error in the console and no request to another host', async () => assert.deepEqual(problems, []));
} finally {
  for (const step of cleanup.reverse()) await step();
}
process.exit(0);
