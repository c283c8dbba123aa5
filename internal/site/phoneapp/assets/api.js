// Calls to the server, each signed with the account's key.
import * as store from './store.js';
import { activationText, answerText, base64url, instance, requestText, sign } from './wire.js';

export const VERSION = 'web-1';

// Refusal is an answer of the server that is not 2xx. Without a connection fetch throws a TypeError instead.
export class Refusal extends Error {
  constructor(status, body) {
    super(body.message || 'HTTP ' + status);
    this.status = status;
    this.code = body.error || 'http';
  }
  get gone() { return ['phone.replaced', 'phone.removed', 'phone.unknown'].includes(this.code); }
}

let offset = null; // server's clock minus this phone's, ms; null: not read yet

export async function clockOffset() {
  offset ??= await store.fact('offset').catch(() => 0) ?? 0;
  return offset;
}
export const serverNow = () => Date.now() + (offset ?? 0);

async function learn(serverTime) {
  const next = serverTime - Date.now();
  const worth = Math.abs(next) < 2000 ? 0 : next;
  if (offset !== null && Math.abs(worth - offset) < 1000) return;
  offset = worth;
  await store.setFact('offset', worth);
}

async function read(response) {
  const raw = await response.text();
  let body = {};
  try { body = raw ? JSON.parse(raw) : {}; } catch { /* not from the server: the page of a proxy */ }
  if (body.server_time) await learn(body.server_time);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

// prepare signs a request and returns the options for fetch.
async function prepare(account, method, target, text) {
  await clockOffset();
  const time = serverNow();
  const nonce = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const signature = await sign(account.key, await requestText(method, self.location.host, target, time, nonce, text));
  const headers = { Authorization: `Countersign-Phone keyid="${account.keyId}",time="${time}",nonce="${nonce}",signature="${signature}"` };
  if (text) headers['Content-Type'] = 'application/json';
  return { method, headers, body: text || undefined, cache: 'no-store', credentials: 'omit' };
}

export async function call(account, method, target, body, options = {}) {
  const text = body === undefined ? '' : JSON.stringify(body);
  for (let attempt = 0; ; attempt++) {
    const request = await prepare(account, method, target, text);
    try {
      return await read(await fetch(target, { ...request, ...options }));
    } catch (e) {
      if (e instanceof Refusal && e.code === 'phone.clock' && attempt === 0) continue;
      if (e instanceof Refusal && e.gone) await store.change(account.id, (a) => { a.gone = e.code; });
      throw e;
    }
  }
}

// activate binds the key pair to a phone record with a code and returns the server's account.
export async function activate(code, pair, about) {
  const spki = await crypto.subtle.exportKey('spki', pair.publicKey);
  const a = { code, public_key: base64url(spki), ...about, app_version: VERSION, instance: await instance(location.host, await store.storage()) };
  a.signature = await sign(pair.privateKey, activationText(location.host, a));
  return read(await fetch('/phone/v1/activations', { method: 'POST', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(a), cache: 'no-store', credentials: 'omit' }));
}

// signed makes a signed answer. The counter is stored before it is used, because the server accepts each value once.
async function signed(accountId, request, decision, reason, number) {
  const account = await store.change(accountId, (a) => { a.counter += 1; });
  if (!account) throw new Error('no such account');
  const a = { transaction: request.transaction, application: request.application_id, user: request.user_id, phone: account.id,
    decision, reason, number, expires: request.expires, counter: account.counter };
  a.signature = await sign(account.key, answerText(a));
  return { account, a, target: `/phone/v1/requests/${encodeURIComponent(request.transaction)}/answer` };
}

export async function answer(accountId, request, decision, reason, number) {
  const { account, a, target } = await signed(accountId, request, decision, reason, number);
  return call(account, 'POST', target, a);
}

// plainNo makes a denial without a reason in advance, because a page that is closing has no time to sign. It returns a
// function that sends it.
export async function plainNo(accountId, request) {
  const { account, a, target } = await signed(accountId, request, 'deny', '', '');
  const ready = await prepare(account, 'POST', target, JSON.stringify(a));
  return () => { fetch(target, { ...ready, keepalive: true }).catch(() => {}); };
}
