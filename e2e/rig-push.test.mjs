// Proves the push service of the rig against the example of RFC 8291 and against a real service worker.
import assert from 'node:assert/strict';
import { createECDH, generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { launch, openWindow } from './lib/browser.mjs';
import { checkVAPID, decrypt, installSubscription, PushService, workerDelivery } from './lib/push.mjs';

const b64 = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

function token(claims, { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })) {
  const text = `${b64({ typ: 'JWT', alg: 'ES256' })}.${b64(claims)}`;
  const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return `vapid t=${text}.${signature}, k=${point.toString('base64url')}`;
}

describe('the push service', () => {
  it('decrypts the example of RFC 8291 section 5', () => {
    const ecdh = createECDH('prime256v1');
    ecdh.setPrivateKey(Buffer.from('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94', 'base64url'));
    const auth = Buffer.from('BTBZMqHH6r4Tts7J_aSIgg', 'base64url');
    const body = Buffer.from('DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN', 'base64url');
    assert.equal(decrypt(body, { ecdh, auth }), 'When I grow up, I want to be a watermelon');
  });
  it('accepts a sender that proves itself to this service, and no other', () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { aud: 'http://localhost:1', exp: now + 3600, sub: 'mailto:ops@countersign.example' };
    assert.equal(checkVAPID(token(claims), claims.aud).sub, claims.sub);
    assert.throws(() => checkVAPID(token(claims), 'http://localhost:2'), /aud is another service/);
    assert.throws(() => checkVAPID(token({ ...claims, exp: now + 2 * 86400 }), claims.aud), /more than a day/);
    assert.throws(() => checkVAPID(token(claims).replace(/k=.*/, token(claims).match(/k=.*/)[0]), claims.aud), /signature/);
    assert.throws(() => checkVAPID(undefined, claims.aud), /not VAPID/);
  });
});

describe('a push message', () => {
  let server, origin, browser, push;
  before(async () => {
    const files = {
      '/app/': ['text/html', '<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><p>App</p></html>'],
      '/app/sw.js': ['text/javascript', `self.addEventListener('activate', (e) => e.waitUntil(clients.claim()));
        self.addEventListener('push', (e) => e.waitUntil(clients.matchAll({ includeUncontrolled: true }).then((all) => all.forEach((c) => c.postMessage(e.data.text())))));`],
    };
    server = createServer((request, response) => {
      const [type, body] = files[request.url] ?? ['text/plain', ''];
      response.writeHead(body ? 200 : 404, { 'Content-Type': type }).end(body);
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://localhost:${server.address().port}`;
    browser = await launch([], { notifications: true });
    push = await PushService.start();
  });
  after(async () => {
    await browser?.close();
    await push?.close();
    server?.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('reaches the service worker of a page that holds the subscription', async () => {
    const window = await openWindow(browser);
    const subscription = push.subscribe();
    await installSubscription(window, subscription, origin);
    const { page } = window;
    await page.goto(`${origin}/app/`);
    const held = await page.evaluate(async () => {
      await navigator.serviceWorker.register('/app/sw.js');
      const registration = await navigator.serviceWorker.ready;
      window.heard = new Promise((resolve) => navigator.serviceWorker.addEventListener('message', (e) => resolve(e.data)));
      const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: new Uint8Array(65) });
      return { permission: Notification.permission, made: made.toJSON(), again: (await registration.pushManager.getSubscription()).toJSON() };
    });
    assert.deepEqual(held, { permission: 'granted', made: subscription.json, again: subscription.json });
    await (await workerDelivery(page))('knock');
    assert.equal(await page.evaluate(() => window.heard), 'knock');
    await window.close();
  });
});
