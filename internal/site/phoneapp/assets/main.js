// The app: which screen stands, and what happens when something changes.
import * as store from './store.js';
import { renew, startWorker } from './alerts.js';
import { account, check } from './account.js';
import { list } from './list.js';
import { add, landing, pair, resume } from './pair.js';
import { busy, leave, request } from './request.js';
import { count, find, onChange, restart } from './watch.js';
import { t } from './dom.js';

const landed = /^\/a\/([A-Za-z0-9_-]{4,128})$/.exec(location.pathname);

// route puts up the screen that the address names.
async function route() {
  const [, name, id] = /^#\/(\w*)\/?(.*)$/.exec(location.hash) ?? [null, '', ''];
  const arg = decodeURIComponent(id);
  if (name !== 'r') leave();
  switch (name) {
    case 'r': return request(arg);
    case 'add': return add();
    case 'pair': return pair(arg);
    case 'paired': return paired();
    case 'account': return account(arg);
    case 'check': return check(arg);
    case 'result': return document.body.dataset.screen === 'result' ? undefined : home();
  }
  return home();
}

async function home() {
  if (landed) return landing(landed[1]);
  if (location.pathname.startsWith('/a/')) return add();
  const code = new URLSearchParams(location.search).get('p');
  if (code && /^[A-Za-z0-9_-]{4,128}$/.test(code)) {
    if (await resume(code)) return pair(code);
    history.replaceState(null, '', '/app/' + location.hash);
  }
  if (find()) return toRequest();
  return list();
}

function toRequest() {
  const found = find();
  if (found) location.hash = '#/r/' + encodeURIComponent(found.request.transaction);
}

async function paired() {
  if (find()) return toRequest();
  return list(true);
}

function badge() {
  const n = count();
  if (n) navigator.setAppBadge?.(n).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

// changed runs when requests came or went. A waiting request comes up by itself from the quiet
// screens; it never tears someone out of typing.
function changed() {
  badge();
  const screen = document.getElementById('view').dataset.screen ?? '';
  if (screen.startsWith('request-')) {
    if (screen === 'request-gone' || screen === 'request-loading') return route();
    if (busy() && !find(location.hash.split('/')[2] && decodeURIComponent(location.hash.split('/')[2]))) {
      leave();
      route();
    }
    return;
  }
  if ((screen === 'list' || screen === '') && find()) return toRequest();
  if (screen === 'list') list(location.hash === '#/paired');
}

addEventListener('hashchange', route);
addEventListener('badge', badge);
addEventListener('accounts', async () => { await restart(); route(); });
onChange(changed);
navigator.serviceWorker?.addEventListener('message', (e) => {
  if (e.data?.type === 'push') restart();
  if (e.data?.type === 'open') {
    restart();
    const hash = new URL(e.data.url, location.origin).hash;
    if (hash) location.hash = hash;
  }
});

await store.setFact('notice', { title: t('notice.title'), body: t('notice.body') }).catch(() => {});
await route();
if (location.pathname.startsWith('/app/')) await restart();
await startWorker();
await renew();
if (document.getElementById('view').dataset.screen === 'list') list(location.hash === '#/paired');
