// Sends forms without leaving the page, shows the state that the server sends, and copies text.
'use strict';

const { base, token } = document.body.dataset;
const main = document.getElementById('main');
const connection = document.getElementById('connection');
const message = document.getElementById('message');

function say(text) {
  message.textContent = text;
  message.hidden = !text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { message.hidden = true; }, 6000);
}

// Changes `old` into `next` in place, so that the focus, open details and typed text stay.
function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName || (old.id || next.id) && old.id !== next.id) {
    old.replaceWith(next.cloneNode(true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !(old.nodeName === 'DETAILS' && name === 'open')) old.removeAttribute(name);
  }
  morphChildren(old, next);
}

function morphChildren(old, next) {
  const children = [...next.childNodes];
  const keys = new Set(children.map(key).filter(Boolean));
  for (const child of [...old.childNodes]) {
    if (key(child) && !keys.has(key(child))) child.remove();
  }
  let current = old.firstChild;
  for (const wanted of children) {
    const id = key(wanted);
    if (current && key(current) !== id) {
      // An element that moved keeps its state.
      const moved = id && [...old.childNodes].find((node) => key(node) === id);
      current = old.insertBefore(moved || wanted.cloneNode(true), current);
    }
    if (!current) {
      old.append(wanted.cloneNode(true));
      continue;
    }
    const following = current.nextSibling;
    morph(current, wanted);
    current = following;
  }
  while (current) {
    const following = current.nextSibling;
    current.remove();
    current = following;
  }
}

function key(node) {
  return node.id || (node.firstElementChild && node.nodeName === 'LI' ? node.firstElementChild.id : '');
}

function show(content) {
  const next = document.createElement('main');
  next.innerHTML = content;
  morphChildren(main, next);
}

let events;
function connect() {
  events = new EventSource(`${base}/events?token=${encodeURIComponent(token)}`);
  events.onopen = () => { connection.textContent = 'Live'; connection.dataset.state = 'on'; };
  events.onmessage = ({ data }) => show(data);
  events.onerror = () => {
    connection.textContent = 'Not connected';
    connection.dataset.state = 'off';
    // The browser gives up after some errors.
    if (events.readyState === EventSource.CLOSED) setTimeout(connect, 1000);
  };
}
connect();

document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const response = await fetch(form.action, { method: 'POST', headers: { accept: 'application/json' }, body });
    if (response.ok) {
      say('');
      for (const field of form.querySelectorAll('input[data-clear]')) field.value = '';
    } else {
      say((await response.json()).detail || `The server responded with ${response.status}.`);
    }
  } catch {
    say('The emulator cannot be reached.');
  }
});

document.addEventListener('click', async (event) => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  try {
    const response = await fetch(button.dataset.copy, { headers: { 'x-kustom-token': token } });
    if (!response.ok) throw new Error();
    await navigator.clipboard.writeText(await response.text());
    say('Copied.');
  } catch {
    say('It could not be copied.');
  }
});
