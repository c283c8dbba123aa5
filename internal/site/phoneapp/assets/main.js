// The app's entry: which screen is shown, and what happens when something changes.
import * as store from './store.js';
import { renew, startWorker } from './alerts.js';
import { account, check } from './account.js';
import { stale } from './changes.js';
import { list } from './list.js';
import { add, landing, pair, resume } from './pair.js';
import { busy, leave, request, withdrawn } from './request.js';
import { count, find, onChange, open, restart } from './watch.js';
import { t } from './dom.js';

const landed = /^\/a\/([A-Za-z0-9_-]{4,128})$/.exec(location.pathname);

// route shows the screen that the address names.
async function route() {
  const [, name, id] = /^#\/(\w*)\/?(.*)$/.exec(location.hash) ?? [null, '', ''];
  const arg = decodeURIComponent(id);
  const left = document.getElementById('view').dataset.screen?.match(/^request-(.+)$/)?.[1];
  if (left && name !== 'r') aside.add(left);
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
  if (!toRequest()) return list();
}

// aside holds the requests that a person has left without an answer, to read a passcode for example. They stay in the
// list and are not opened again by themselves.
const aside = new Set();

// toRequest opens the oldest request that is not aside. It returns false when there is none.
function toRequest() {
  const next = [...open.values()].flat().find((r) => !aside.has(r.transaction));
  if (!next) return false;
  const hash = '#/r/' + encodeURIComponent(next.transaction);
  if (location.hash === hash) request(next.transaction); else location.hash = hash;
  return true;
}

async function paired() {
  if (!toRequest()) return list(true);
}

function badge() {
  const n = count();
  if (n) navigator.setAppBadge?.(n).catch(() => {});
  else navigator.clearAppBadge?.().catch(() => {});
}

// changed runs when the list of open requests has changed. A request is opened by itself only from screens on which
// nothing is typed.
function changed() {
  badge();
  const screen = document.getElementById('view').dataset.screen ?? '';
  if (screen.startsWith('request-')) {
    if (screen === 'request-loading' || screen === 'request-gone' && !toRequest()) return route();
    if (busy() && !find(screen.slice('request-'.length))) { // withdrawn, perhaps for a newer one
      const ended = withdrawn();
      if (!toRequest()) ended ? ended() : route();
    }
    return;
  }
  if ((screen === 'list' || screen === '') && toRequest()) return;
  if (screen === 'list') list(location.hash === '#/paired');
}

addEventListener('hashchange', route);
addEventListener('badge', badge);
addEventListener('accounts', async () => { await restart(); route(); });
onChange(changed);
navigator.serviceWorker?.addEventListener('message', (e) => {
  if (e.data?.type !== 'push' && e.data?.type !== 'open') return;
  stale();
  restart();
  if (e.data.type === 'open') {
    aside.clear(); // a person who taps an alert wants to see the request
    location.hash = new URL(e.data.url, location.origin).hash || '#/';
  }
});

await store.setFact('notice', { title: t('notice.title'), body: t('notice.body') }).catch(() => {});
await route();
if (location.pathname.startsWith('/app/')) await restart();
await startWorker();
await renew();
if (document.getElementById('view').dataset.screen === 'list') list(location.hash === '#/paired');
