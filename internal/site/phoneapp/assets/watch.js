// Looks for open requests while the app is open. The first two accounts use long polls, because browsers allow few
// connections to a host. Further accounts are asked every 3 seconds.
import * as store from './store.js';
import { call, Refusal, serverNow } from './api.js';
import { learn } from './changes.js';

export const open = new Map(); // account id -> open requests
export const connection = new Map(); // account id -> 'on' | 'off'
let looking = true; // no server has answered since the last restart
export const unsure = () => looking;

let control = null, changed = () => {};

export function onChange(f) { changed = f; }

// restart ends the present polls and asks at once for every account that is not gone.
export async function restart() {
  control?.abort();
  if (document.visibilityState === 'hidden') return;
  looking = true;
  const mine = control = new AbortController();
  const all = (await store.accounts()).filter((a) => !a.gone && a.key);
  if (mine.signal.aborted) return;
  if (!all.length) looking = false;
  for (const id of open.keys()) if (!all.some((a) => a.id === id)) open.delete(id);
  all.forEach((a, i) => {
    follow(a, i < 2, mine.signal);
    learn(a).then((news) => { if (news) changed(); });
  });
}

const sleep = (ms, signal) => new Promise((done) => {
  const t = setTimeout(done, ms);
  signal.addEventListener('abort', () => { clearTimeout(t); done(); }, { once: true });
});

async function follow(account, long, signal) {
  let after = '', pause = 1000;
  while (!signal.aborted) {
    try {
      const list = await call(account, 'GET', long ? '/phone/v1/requests/wait?after=' + encodeURIComponent(after) : '/phone/v1/requests',
        undefined, { signal: AbortSignal.any ? AbortSignal.any([signal, AbortSignal.timeout(40000)]) : signal });
      if (signal.aborted) return;
      looking = false;
      const news = connection.get(account.id) !== 'on' || list.after !== after;
      connection.set(account.id, 'on');
      open.set(account.id, list.requests);
      after = list.after;
      pause = 1000;
      if (news) {
        await store.setFact('lastFetch', Date.now());
        changed();
      }
      if (!long) await sleep(3000, signal);
    } catch (e) {
      if (signal.aborted) return;
      looking = false;
      if (e instanceof Refusal && e.gone) {
        open.delete(account.id);
        changed();
        return;
      }
      connection.set(account.id, 'off');
      after = ''; // so that the next answer comes at once. A request stays on the screen: it can still be answered
      open.set(account.id, (open.get(account.id) ?? []).filter((r) => r.expires > serverNow()));
      changed();
      await sleep(pause, signal);
      pause = Math.min(pause * 2, 10000);
    }
  }
}

// drop removes a request that was answered here.
export function drop(transaction) {
  for (const [id, list] of open) open.set(id, list.filter((r) => r.transaction !== transaction));
}

// find returns {accountId, request} of a transaction, or of the oldest open request when transaction is empty; null when
// there is none.
export function find(transaction) {
  for (const [accountId, list] of open) {
    for (const request of list) if (!transaction || request.transaction === transaction) return { accountId, request };
  }
  return null;
}

export const count = () => [...open.values()].reduce((n, l) => n + l.length, 0);

document.addEventListener('visibilitychange', restart);
addEventListener('online', restart);
