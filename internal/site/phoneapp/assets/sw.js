// The service worker. It keeps the app's files for use without a connection, shows alerts, and renews the subscription
// when the push service changes it. The server puts VERSION and ASSETS in front of this text.
import * as store from './store.js';
import { report, subscribeWith } from './alerts.js';

const CACHE = 'shell-' + VERSION;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(ASSETS.map((a) => new Request(a, { cache: 'no-cache' })));
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith('shell-') && name !== CACHE) await caches.delete(name);
    }
    await self.clients.claim();
  })());
});

// A page comes from the server, so that a new version is used at once, and from the cache when the server does not answer.
self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin || !url.pathname.startsWith('/app/')) return;
  if (event.request.mode === 'navigate') {
    event.respondWith(fromServer(event.request, 3000).catch(() => cached('/app/')));
  } else {
    event.respondWith(cached(url.pathname).then((hit) => hit.ok ? hit : fetch(event.request)));
  }
});

async function cached(path) {
  const cache = await caches.open(CACHE);
  return await cache.match(path, { ignoreVary: true, ignoreSearch: true }) ?? Response.error();
}

async function fromServer(request, ms) {
  const response = await fetch(request, { signal: AbortSignal.timeout(ms) });
  if (response.status >= 500) throw new Error('server trouble');
  return response;
}

// Every message shows a notification, because browsers withdraw push from apps that show none.
self.addEventListener('push', (event) => {
  event.waitUntil((async () => {
    let m = {};
    try { m = event.data?.json() ?? {}; } catch { /* shows the plain notice */ }
    const words = await store.fact('notice').catch(() => null) ?? { title: 'countersign', body: '' };
    await self.registration.showNotification(String(m.title || m.notification?.title || words.title), {
      body: String(m.body || m.notification?.body || words.body),
      tag: String(m.notification?.tag || m.url || 'countersign'),
      icon: '/app/icons/icon-192.png', badge: '/app/icons/icon-192.png',
      renotify: true, requireInteraction: true, data: { url: inside(m.url || m.notification?.navigate) },
    });
    await store.setFact('lastPush', Date.now()).catch(() => {});
    for (const c of await windows()) c.postMessage({ type: 'push' });
  })());
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const url = inside(event.notification.data?.url);
    for (const c of await windows()) {
      c.postMessage({ type: 'open', url });
      if ('focus' in c) return c.focus().catch(() => {});
    }
    return self.clients.openWindow(url);
  })());
});

self.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil((async () => {
    const vapid = (await store.accounts()).find((a) => !a.gone && a.vapid)?.vapid;
    if (vapid) await report(await subscribeWith(self.registration, vapid), 'granted');
  })());
});

const windows = async () => (await self.clients.matchAll({ type: 'window', includeUncontrolled: true }))
  .filter((c) => new URL(c.url).pathname.startsWith('/app/'));

// inside returns the address of an alert if it is within the app, and the app's start otherwise.
function inside(address) {
  try {
    const url = new URL(address ?? '/app/', self.location.origin);
    if (url.origin === self.location.origin && url.pathname === '/app/') return url.pathname + url.search + url.hash;
  } catch { /* below */ }
  return '/app/';
}
