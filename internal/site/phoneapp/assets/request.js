// One request: the application's name, who signs in, with what, from where and when, and the two answers.
import { answer, plainNo, serverNow } from './api.js';
import { alertsPanel } from './list.js';
import * as store from './store.js';
import { worker } from './alerts.js';
import { drop, find, unsure } from './watch.js';
import { button, clock, h, icon, sentence, show, t, top } from './dom.js';

const ARMING = 800; // ms before Approve accepts a tap, so that a phone in a pocket approves nothing
const REASON = 15; // seconds to choose a reason; then a denial without one is sent

let shownNow = null; // transaction on the screen while it waits for an answer
let lastAsked = null; // [account id, request] that was shown last
let answering = false; // an answer is under way: the request may leave the list before the response arrives
let ticking, cleanup = () => {};

export const busy = () => shownNow !== null && !answering;
// withdrawn ends the request on the screen, which is no longer in the server's list. When its time is over it returns a
// function that shows that: the server may report it before this clock does. It returns null when the request was withdrawn
// before its time.
export function withdrawn() {
  const [accountId, r] = lastAsked;
  leave();
  return serverNow() >= r.expires - 2000 ? () => result(accountId, r, 'expired') : null;
}

export function leave() {
  shownNow = null;
  answering = false;
  clearInterval(ticking);
  cleanup();
  cleanup = () => {};
}

// request shows an open request, or says that there is none with this transaction.
export function request(transaction) {
  const found = find(transaction);
  if (!found) {
    leave();
    if (unsure()) return show('request-loading', top(t('state.connecting'), '#/'));
    show('request-gone', top(t('request.gone'), '#/'), h('p', {}, t('request.gone_hint')), back());
    return;
  }
  if (shownNow === found.request.transaction) return;
  ask(found.accountId, found.request);
}

const back = () => h('a', { href: '#/', class: 'button primary', 'data-test': 'done' }, t('done'));
const kind = (r) => ['manage', 'pairing', 'tryout', 'test'].includes(r.kind) ? r.kind : 'signin';
const title = (r) => t('request.' + kind(r), { application: r.application_name });

// details is what the application adds to the request. It is shown apart from the facts, so that none of its text looks
// like one.
function details(r) {
  const lines = (r.info || []).slice(0, 10);
  if (!r.title && !lines.length) return false;
  return h('section', { class: 'details', 'aria-labelledby': 'told', 'data-test': 'request-told' },
    h('h2', { id: 'told' }, t('request.told')),
    h('dl', {}, r.title && h('div', {}, h('dt', {}, t('request.what')), h('dd', {}, r.title)),
      lines.map((l) => h('div', {}, h('dt', {}, l.label), h('dd', {}, l.value)))));
}

function ask(accountId, r) {
  leave();
  shownNow = r.transaction;
  lastAsked = [accountId, r];
  const since = performance.now();
  const armed = () => performance.now() - since >= ARMING;
  const digits = r.number_digits;
  const left = h('span', { id: 'left' });
  const problem = h('p', { class: 'problem', role: 'alert', 'data-test': 'request-problem' });
  const approve = button(t('request.approve'), () => send(), { class: 'button approve', 'data-test': 'approve', disabled: true });
  const deny = button(t('request.deny'), () => refuse(), { class: 'button deny', 'data-test': 'deny' });
  const field = digits > 0 && h('input', { id: 'number', class: 'number', type: 'text', inputmode: 'none', autocomplete: 'off', maxlength: digits,
    pattern: '[0-9]*', 'aria-describedby': 'number-hint', 'data-test': 'number-field', oninput: typed });
  const pad = digits > 0 && h('div', { class: 'pad', role: 'group', 'data-keypad': true, 'aria-label': t('request.pad') },
    [1, 2, 3, 4, 5, 6, 7, 8, 9, null, 0, 'x'].map((d) => d === null ? h('span', {}) : d === 'x'
      ? button(icon('erase'), () => put(field.value.slice(0, -1)), { class: 'button key', 'aria-label': t('request.clear') })
      : button(String(d), () => put(field.value + d), { class: 'button key', 'data-test': 'pad-' + d, disabled: true })));
  const place = [r.place || t('request.place_unknown'), r.ip && t('request.ip', { ip: r.ip })].filter(Boolean).join(' · ');
  show('request-' + r.transaction, h('article', { class: 'request', 'data-test': 'request', 'data-transaction': r.transaction, onkeydown: key },
    h('h1', { 'data-test': 'request-application' }, title(r)),
    ['pairing', 'tryout'].includes(kind(r)) && h('p', { class: 'muted' }, t('request.pairing_hint')),
    h('dl', { class: 'facts' },
      h('div', {}, h('dt', {}, t('request.who')), h('dd', { 'data-test': 'request-user' }, t('request.who_value', { user: r.username, organisation: r.organisation }))),
      r.browser && h('div', {}, h('dt', {}, t('request.what')), h('dd', {}, r.browser)),
      h('div', {}, h('dt', {}, t('request.where')), h('dd', {}, place)),
      h('div', {}, h('dt', {}, t('request.when')), h('dd', {}, left))),
    details(r),
    digits > 0 && h('div', { class: 'numberbox' }, h('label', { for: 'number' }, t('request.number')), field,
      h('p', { id: 'number-hint', class: 'muted small' }, t('request.number_hint', { digits })), pad),
    problem, h('div', { class: 'decide' }, deny, approve), h('a', { href: '#/', class: 'plain', 'data-test': 'request-aside' }, t('request.aside'))));
  document.body.dataset.screen = 'request';

  let sending = false;
  function arm() {
    if (sending || !armed()) return;
    approve.disabled = digits > 0 && field.value.length !== digits;
    pad && pad.querySelectorAll('button').forEach((b) => { b.disabled = false; });
  }
  function put(value) {
    if (sending || !armed()) return;
    field.value = value.slice(0, digits);
    typed();
  }
  function key(e) { // a digit of a keyboard works without a tap into the field
    if (digits > 0 && e.target !== field && /^[0-9]$/.test(e.key) && !e.ctrlKey && !e.metaKey && !e.altKey) put(field.value + e.key);
  }
  function typed() {
    const clean = field.value.replace(/\D/g, '').slice(0, digits);
    if (clean !== field.value) field.value = clean;
    arm();
    if (clean.length === digits) setTimeout(() => { if (shownNow === r.transaction && field.value === clean) send(); }, Math.max(150, ARMING + 20 - (performance.now() - since)));
  }
  function refuse() {
    if (sending) return;
    sending = true;
    [approve, deny].forEach((b) => { b.disabled = true; });
    why(accountId, r);
  }
  async function send() {
    if (sending || !armed() || digits > 0 && field.value.length !== digits) return;
    sending = answering = true;
    [approve, deny, ...(pad ? pad.querySelectorAll('button') : [])].forEach((b) => { b.disabled = true; });
    if (field) field.readOnly = true;
    problem.textContent = '';
    approve.textContent = t('request.sending');
    try {
      result(accountId, r, (await answer(accountId, r, 'approve', '', digits > 0 ? field.value : '')).state);
    } catch (e) {
      sending = answering = false;
      deny.disabled = false;
      if (field) field.readOnly = false;
      approve.textContent = t('request.approve');
      problem.textContent = e.code ? sentence(e) : t('request.failed');
      arm();
    }
  }
  function tick() {
    const seconds = Math.ceil((r.expires - serverNow()) / 1000);
    if (seconds <= 0 && !sending) return result(accountId, r, 'expired');
    left.textContent = t('request.left', { time: clock(r.created || serverNow()), seconds: Math.max(seconds, 0) });
  }
  tick();
  if (shownNow !== r.transaction) return;
  ticking = setInterval(tick, 1000);
  setTimeout(arm, ARMING + 10);
}

// why asks for the reason of a denial. When none is chosen, or the app is closed, a denial without a reason is sent.
async function why(accountId, r) {
  clearInterval(ticking);
  shownNow = r.transaction;
  let seconds = REASON, sent = false;
  const auto = h('p', { class: 'muted small' }, t('deny.auto', { seconds }));
  const problem = h('p', { class: 'problem', role: 'alert' });
  const choose = async (reason) => {
    if (sent) return;
    sent = true;
    clearInterval(ticking);
    cleanup();
    try {
      await prepared; // its counter is lower, so the server would not accept it after this answer
      result(accountId, r, (await answer(accountId, r, 'deny', reason, '')).state);
    } catch (e) {
      sent = false;
      problem.textContent = e.code ? sentence(e) : t('request.failed');
    }
  };
  let no = () => {};
  const prepared = plainNo(accountId, r).then((send) => { no = send; }).catch(() => {});
  const hidden = () => {
    if (!sent) no();
    sent = true;
  };
  // The question is shown when the denial without a reason is ready, so that an app that is closed then can send it.
  await Promise.race([prepared, new Promise((late) => setTimeout(late, 1000))]);
  if (shownNow !== r.transaction) return; // withdrawn meanwhile
  addEventListener('pagehide', hidden);
  cleanup = () => removeEventListener('pagehide', hidden);
  show('deny', h('h1', {}, t('deny.title')), h('p', {}, t(kind(r) === 'tryout' ? 'deny.question_tryout' : 'deny.question', { application: r.application_name })),
    h('div', { class: 'stack' },
      button([h('strong', {}, t('deny.notme')), h('span', {}, t('deny.notme_hint'))], () => choose('fraud'), { class: 'button choice', 'data-test': 'deny-notme' }),
      button([h('strong', {}, t('deny.mistake')), h('span', {}, t('deny.mistake_hint'))], () => choose('mistake'), { class: 'button choice', 'data-test': 'deny-mistake' })),
    problem, auto);
  ticking = setInterval(() => {
    seconds -= 1;
    auto.textContent = t('deny.auto', { seconds: Math.max(seconds, 0) });
    if (seconds <= 0) {
      clearInterval(ticking);
      choose('');
    }
  }, 1000);
}

async function result(accountId, r, state) {
  leave();
  drop(r.transaction);
  const good = state === 'approved';
  const key = ['approved', 'denied', 'reported', 'wrong_number', 'expired', 'already_answered'].includes(state) ? state : 'already_answered';
  history.replaceState(null, '', '#/result');
  show('result', h('section', { class: 'result ' + (good ? 'ok' : key === 'denied' || key === 'reported' ? 'info' : 'warn'), 'data-test': 'result', 'data-state': key },
    h('p', { class: 'sign' }, icon(good ? 'ok' : key === 'expired' ? 'clock' : 'no')),
    h('h1', { 'data-test': 'outcome' }, t('result.' + key)), h('p', {}, t(key === 'denied' && kind(r) === 'tryout' ? 'result.denied_tryout_hint' : `result.${key}_hint`, { application: r.application_name }))),
    back(), alertsPanel(await store.accounts()));
  const reg = await worker();
  for (const n of await reg?.getNotifications?.() ?? []) n.close();
  dispatchEvent(new Event('badge'));
}
