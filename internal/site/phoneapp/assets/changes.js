// Changes of the person's other devices. The app notices them when it is opened, and asks about each until it is answered.
import * as store from './store.js';
import { call } from './api.js';
import { button, h, moment, say, sentence, t } from './dom.js';

const looked = new Map(); // account id -> when its devices were read last
const PAUSE = 60000;

// stale makes learn read the devices again: an alert has announced a change.
export function stale() { looked.clear(); }

// learn reads the other devices of an account, at most once a minute, and stores what has changed. It returns true when
// there is something to ask.
export async function learn(a) {
  if (Date.now() - (looked.get(a.id) ?? 0) < PAUSE) return false;
  looked.set(a.id, Date.now());
  let devices;
  try { ({ devices } = await call(a, 'GET', '/phone/v1/account')); } catch { return false; }
  if (!Array.isArray(devices)) return false;
  let news = false;
  await store.change(a.id, (x) => {
    const notices = x.known ? compare(x.known, devices) : []; // devices that existed when this phone was set up are not a change
    news = notices.length > 0;
    x.notices = [...x.notices ?? [], ...notices];
    x.known = devices;
  });
  return news;
}

function compare(before, now) {
  const old = new Map(before.map((d) => [d.id, d]));
  const notices = [];
  for (const d of now) {
    const was = old.get(d.id);
    old.delete(d.id);
    if (!was) notices.push({ kind: 'added', id: d.id, name: d.name, since: d.since });
    else if (was.since !== d.since) notices.push({ kind: 'replaced', id: d.id, name: d.name, was: was.name, since: d.since });
  }
  for (const d of old.values()) notices.push({ kind: 'removed', id: d.id, name: d.name, since: Date.now() });
  return notices;
}

const title = (n) => ({ added: () => t('change.added', { device: n.name }), replaced: () => t('change.replaced', { device: n.was ?? n.name }),
  removed: () => t('change.removed', { device: n.name }) })[n.kind]();

// changes returns the cards that ask about changes, for the list of accounts.
export function changes(all) {
  return all.filter((a) => a.key && !a.gone).flatMap((a) => (a.notices ?? []).map((n) =>
    h('section', { class: 'card', 'data-test': 'change', 'data-kind': n.kind },
      h('h2', {}, title(n)),
      h('p', { class: 'muted small' }, t('account.title', { organisation: a.organisation, user: a.username }) + ' · ' + moment(n.since)),
      h('p', {}, t('change.question')),
      h('div', { class: 'buttons' },
        button(t('change.yes'), () => done(a, n), { 'data-test': 'change-yes' }),
        button(t('change.no'), async (e) => {
          e.target.disabled = true;
          try {
            await call(a, 'POST', '/phone/v1/account/report', { device: n.name });
            await done(a, n);
            say(t('change.reported'));
          } catch (err) {
            e.target.disabled = false;
            say(sentence(err));
          }
        }, { class: 'button danger', 'data-test': 'change-no' })))));
}

async function done(a, n) {
  await store.change(a.id, (x) => { x.notices = (x.notices ?? []).filter((o) => o.id !== n.id || o.kind !== n.kind || o.since !== n.since); });
  dispatchEvent(new Event('accounts'));
}
