// Alerts by Web Push. The browser's permission is asked for only when the person presses a button.
import * as store from './store.js';
import { call } from './api.js';
import { base64url, fromBase64url } from './wire.js';

// A test sets this function, because a browser under test cannot subscribe with a real push service.
const hook = () => globalThis.__countersignSubscribe;

export function permission() {
  if (hook()) return hookAsked ? 'granted' : 'default';
  if (!('Notification' in globalThis) || !('PushManager' in globalThis) || !('serviceWorker' in navigator)) return 'unsupported';
  return Notification.permission;
}

let hookAsked = false;
let registration;

export async function startWorker() {
  if (!('serviceWorker' in navigator)) return;
  registration = navigator.serviceWorker.register('/app/sw.js', { scope: '/app/', type: 'module', updateViaCache: 'none' }).catch(() => null);
  hookAsked = Boolean(hook()) && Boolean(await store.fact('alerts').catch(() => false));
  await registration;
}

export async function worker() { return registration; }

async function subscription(vapid) {
  if (hook()) return hook()({ applicationServerKey: vapid });
  const reg = await registration;
  if (!reg) throw new Error('no worker');
  return subscribeWith(reg, vapid);
}

export async function subscribeWith(reg, vapid) {
  let sub = await reg.pushManager.getSubscription();
  const key = sub?.options?.applicationServerKey;
  if (sub && key && base64url(key) !== vapid) {
    await sub.unsubscribe();
    sub = null;
  }
  if (!sub) {
    if (!reg.active) await new Promise((done) => {
      const w = reg.installing ?? reg.waiting;
      if (!w) return done();
      w.addEventListener('statechange', () => { if (w.state === 'activated' || w.state === 'redundant') done(); });
    });
    sub = await reg.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(vapid) });
  }
  return sub;
}

const clean = (s) => (s ?? '').replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

// report sends the subscription (null: none) and the permission to the server for each account.
export async function report(sub, state) {
  const json = sub ? (sub.toJSON ? sub.toJSON() : sub) : null;
  const body = json ? { endpoint: json.endpoint, p256dh: clean(json.keys.p256dh), auth: clean(json.keys.auth), permission: state }
    : { endpoint: '', p256dh: '', auth: '', permission: state };
  for (const a of await store.accounts()) {
    if (a.gone || !a.key) continue;
    try {
      await call(a, 'PUT', '/phone/v1/subscription', body);
      await store.change(a.id, (x) => { x.alerts = Boolean(json); });
    } catch { /* renew reports it again at the next start */ }
  }
}

// enable is what the button does: it asks for the permission, subscribes and reports. It returns the permission.
export async function enable() {
  const vapid = (await store.accounts()).find((a) => !a.gone && a.vapid)?.vapid;
  const state = hook() ? 'granted' : await Notification.requestPermission();
  if (state !== 'granted' || !vapid) {
    await report(null, state);
    return state;
  }
  const sub = await subscription(vapid);
  hookAsked = true;
  await store.setFact('alerts', true);
  await report(sub, 'granted');
  return 'granted';
}

// renew runs at each start, because push services end subscriptions without notice.
export async function renew() {
  const all = (await store.accounts()).filter((a) => !a.gone && a.key);
  const vapid = all.find((a) => a.vapid)?.vapid;
  if (!all.length || !vapid) return;
  const state = permission();
  if (state === 'granted') {
    try {
      await report(await subscription(vapid), state);
    } catch {
      await report(null, state);
    }
  } else if (all.some((a) => a.alerts)) {
    await report(null, state);
  }
}
