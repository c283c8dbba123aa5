// A push service on loopback, as a browser maker runs one (RFC 8030): it checks who sends (VAPID, RFC 8292), decrypts
// what the phone would decrypt (RFC 8291, aes128gcm) and hands the text to the phone's service worker.
import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createHmac, createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer as createPlain } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { PATIENCE } from './browser.mjs';

const hmac = (key, ...parts) => { const h = createHmac('sha256', key); parts.forEach((p) => h.update(p)); return h.digest(); };
const b64 = (bytes) => Buffer.from(bytes).toString('base64url');

export class PushService {
  // messages lists what arrived: { subscription, text, ttl, urgency, topic }. refused lists what was wrong, by subscription id.
  messages = [];
  refused = [];
  #subscriptions = new Map();
  #waiters = new Set();

  // start listens on a port from the kernel; with { key, cert } it speaks TLS.
  static async start(tls) {
    const service = new PushService();
    const handle = (request, response) => service.#receive(request, response);
    service.server = tls ? createSecure(tls, handle) : createPlain(handle);
    await new Promise((resolve) => service.server.listen(0, '127.0.0.1', resolve));
    service.origin = `${tls ? 'https' : 'http'}://localhost:${service.server.address().port}`;
    return service;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  // subscribe makes a subscription with keys of its own. deliver, when given, gets each decrypted text.
  subscribe(deliver = async () => {}) {
    const ecdh = createECDH('prime256v1');
    ecdh.generateKeys();
    const subscription = { id: b64(randomBytes(16)), ecdh, auth: randomBytes(16), deliver, answer: 201 };
    this.#subscriptions.set(subscription.id, subscription);
    return Object.assign(subscription, {
      json: { endpoint: `${this.origin}/push/${subscription.id}`, expirationTime: null, keys: { p256dh: b64(ecdh.getPublicKey()), auth: b64(subscription.auth) } },
    });
  }

  // arrived waits for the next message of a subscription (one that is there already counts).
  async arrived(subscription, within = PATIENCE) {
    const find = () => this.messages.find((m) => m.subscription === subscription && !m.taken);
    const deadline = Date.now() + within;
    for (;;) {
      const message = find();
      if (message) { message.taken = true; return message; }
      const left = deadline - Date.now();
      assert.ok(left > 0, `no push message arrived; refused: ${this.refused.join('; ') || 'none'}`);
      await new Promise((resolve) => { const wake = () => { clearTimeout(timer); this.#waiters.delete(wake); resolve(); }; const timer = setTimeout(wake, left); this.#waiters.add(wake); });
    }
  }

  async #receive(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const subscription = this.#subscriptions.get(request.url.replace('/push/', ''));
    if (!subscription || subscription.answer === 410) return response.writeHead(subscription ? 410 : 404).end();
    if (subscription.answer === 429) return response.writeHead(429, { 'Retry-After': '2' }).end();
    try {
      assert.equal(request.method, 'POST');
      assert.equal(request.headers['content-encoding'], 'aes128gcm');
      assert.match(request.headers.ttl ?? '', /^\d+$/, 'TTL is missing');
      checkVAPID(request.headers.authorization, this.origin);
      const text = decrypt(Buffer.concat(chunks), subscription);
      this.messages.push({ subscription, text, ttl: Number(request.headers.ttl), urgency: request.headers.urgency, topic: request.headers.topic });
      await subscription.deliver(text);
      response.writeHead(201, { Location: `${this.origin}/message/${b64(randomBytes(8))}` }).end();
    } catch (err) {
      this.refused.push(`${subscription.id}: ${err.message}`);
      response.writeHead(400).end();
    } finally {
      for (const wake of [...this.#waiters]) wake();
    }
  }
}

// checkVAPID verifies the sender's token: ES256 by the key beside it, made for this service, at most a day long.
export function checkVAPID(header, origin, now = Date.now() / 1000) {
  const [, t, k] = /^vapid t=([\w.-]+), ?k=([\w-]+)$/i.exec(header ?? '') ?? assert.fail(`Authorization is not VAPID: ${header?.slice(0, 20)}`);
  const [head, body, signature] = t.split('.');
  const point = Buffer.from(k, 'base64url');
  assert.equal(point.length, 65, 'k is not an uncompressed point');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) } });
  assert.equal(JSON.parse(Buffer.from(head, 'base64url')).alg, 'ES256');
  assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')), 'the signature is not good');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  assert.equal(claims.aud, origin, 'aud is another service');
  assert.ok(claims.exp > now && claims.exp <= now + 24 * 3600 + 60, 'exp is past or more than a day ahead');
  assert.match(claims.sub ?? '', /^(mailto:|https:)/, 'sub names nobody');
  return claims;
}

// decrypt opens one aes128gcm record with the subscription's keys.
export function decrypt(body, { ecdh, auth }) {
  assert.ok(body.length <= 4096, `the message has ${body.length} bytes`);
  const salt = body.subarray(0, 16);
  const idLength = body[20];
  const sender = body.subarray(21, 21 + idLength);
  const record = body.subarray(21 + idLength);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), sender]);
  const ikm = hmac(hmac(auth, ecdh.computeSecret(sender)), info, Buffer.of(1));
  const prk = hmac(salt, ikm);
  const key = hmac(prk, Buffer.from('Content-Encoding: aes128gcm\0'), Buffer.of(1)).subarray(0, 16);
  const nonce = hmac(prk, Buffer.from('Content-Encoding: nonce\0'), Buffer.of(1)).subarray(0, 12);
  const cipher = createDecipheriv('aes-128-gcm', key, nonce);
  cipher.setAuthTag(record.subarray(-16));
  const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
  const end = plain.lastIndexOf(2); // the delimiter of the last record, before the padding
  assert.ok(end >= 0 && plain.subarray(end + 1).every((byte) => byte === 0), 'the padding is not good');
  return plain.subarray(0, end).toString('utf8');
}

// installSubscription makes pushManager in the window's pages hand out this subscription. A real one needs the
// browser maker's service. It must be called before the first page is opened.
export async function installSubscription(window, subscription, origin) {
  await window.context.grantPermissions(['notifications'], { origin });
  await window.context.addInitScript((json) => {
    if (!('PushManager' in window)) return;
    const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
    const stored = '__test_push';
    const subscription = {
      ...json, options: { userVisibleOnly: true },
      getKey: (name) => bytes(json.keys[name]), toJSON: () => structuredClone(json),
      unsubscribe: async () => { localStorage.removeItem(stored); return true; },
    };
    PushManager.prototype.subscribe = async function subscribe(options) {
      if (!options?.userVisibleOnly || !options.applicationServerKey) throw new TypeError('subscribe needs userVisibleOnly and applicationServerKey');
      localStorage.setItem(stored, '1');
      return subscription;
    };
    PushManager.prototype.getSubscription = async () => (localStorage.getItem(stored) ? subscription : null);
    PushManager.prototype.permissionState = async () => 'granted';
  }, subscription.json);
}

// workerDelivery gives a deliver function that hands texts to the service worker that controls the page's scope. The
// browser tells of its workers when it comes to that, so each text waits until it has.
export async function workerDelivery(page) {
  const session = await page.context().newCDPSession(page);
  const registrations = new Map();
  const told = 'ServiceWorker.workerRegistrationUpdated';
  session.on(told, ({ registrations: list }) => {
    for (const r of list) r.isDeleted ? registrations.delete(r.registrationId) : registrations.set(r.registrationId, r);
  });
  await session.send('ServiceWorker.enable');
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  return async (data) => {
    const here = page.url();
    const find = () => [...registrations.values()].find((r) => here.startsWith(r.scopeURL));
    const registration = find() ?? await new Promise((resolve, reject) => {
      const look = () => { if (find()) settle(resolve, find()); };
      const timer = setTimeout(() => settle(reject, new Error(`no service worker for ${here}, only for ${[...registrations.values()].map((r) => r.scopeURL).join(', ') || 'none'}`)), PATIENCE);
      const settle = (how, value) => { clearTimeout(timer); session.off(told, look); how(value); };
      session.on(told, look);
    });
    await session.send('ServiceWorker.deliverPushMessage', { origin: new URL(here).origin, registrationId: registration.registrationId, data });
  };
}
