// The list of accounts: for each account a card with its state, its passcode and its menu.
import * as store from './store.js';
import { clockOffset, serverNow } from './api.js';
import { confirmDelete } from './account.js';
import { enable, permission } from './alerts.js';
import { changes } from './changes.js';
import { hotp, step } from './otp.js';
import { connection, open } from './watch.js';
import { button, h, icon, say, show, t } from './dom.js';

// state returns the state of an account's card: [class of the chip, key of its text, key of the hint or undefined].
function state(a) {
  if (!a.key) return ['bad', 'gone', 'key_missing_hint'];
  if (a.gone) return ['bad', 'gone', { 'phone.replaced': 'replaced_hint', 'phone.removed': 'removed_hint' }[a.gone] ?? 'gone_hint'];
  if (connection.get(a.id) === 'off' || !navigator.onLine) return ['warn', 'offline'];
  if (!connection.has(a.id)) return ['info', 'connecting'];
  if (a.alerts) return ['ok', 'ready'];
  const p = permission();
  return ['warn', 'alerts_off', p === 'denied' ? 'alerts_blocked_hint' : p === 'unsupported' ? 'alerts_install_hint' : 'alerts_off_hint'];
}

const shown = new Map(); // account id -> {code, until}
let install = null;
addEventListener('beforeinstallprompt', (e) => { e.preventDefault(); install = e; });

const redraw = () => list(location.hash === '#/paired');

let timer;
// list draws the screen. After a pairing it says so at the top.
export async function list(paired = false) {
  const all = await store.accounts();
  const offset = Math.round(await clockOffset() / 60000);
  if (/^#\/(r|add|pair)\b/.test(location.hash)) return; // another screen was opened while this was read
  clearInterval(timer);
  const cards = all.map((a) => card(a, offset));
  const newest = all.reduce((x, a) => !x || a.created > x.created ? a : x, null);
  show('list',
    paired && newest?.key && !newest.gone ? h('section', { class: 'result ok', 'data-test': 'paired' }, h('p', { class: 'sign' }, icon('ok')), h('h1', {}, t('pair.done')), h('p', {}, t('pair.done_hint')))
      : h('header', { class: 'top' }, h('h1', {}, t('list.title'))),
    changes(all),
    all.length ? h('ul', { class: 'cards' }, cards) : h('section', { class: 'card' }, h('h2', {}, t('list.empty')), h('p', { class: 'muted' }, t('list.empty_hint'))),
    alertsPanel(all),
    install && all.length > 0 && h('section', { class: 'card' }, h('p', {}, t('list.install_hint')),
      button(t('list.install'), async () => { await install.prompt(); install = null; redraw(); }, { 'data-key': 'install' })),
    h('a', { href: '#/add', class: 'button ' + (all.length ? '' : 'primary'), 'data-test': 'add-account', 'data-key': 'add' }, icon('+'), t('list.add')));
  timer = setInterval(() => {
    if (document.body.dataset.screen !== 'list') return clearInterval(timer);
    for (const a of all) drawCode(a);
  }, 500);
}

// alertsPanel offers alerts when they are off and the browser can be asked for them; null otherwise.
export function alertsPanel(all) {
  const can = permission();
  if (can !== 'default' && can !== 'granted' || !all.some((a) => !a.gone && a.key && a.vapid && !a.alerts)) return null;
  return h('section', { class: 'card', 'aria-labelledby': 'alerts-title' },
    h('h2', { id: 'alerts-title' }, t('alerts.title')), h('p', { class: 'muted' }, t('alerts.text')),
    button(t('alerts.button'), async (e) => {
      e.target.disabled = true;
      try {
        const got = await enable();
        say(got === 'granted' ? t('alerts.on') : t('state.alerts_blocked_hint'));
      } catch {
        say(t('alerts.failed'));
      }
      dispatchEvent(new Event('accounts'));
    }, { class: 'button primary', 'data-test': 'alerts-button', 'data-key': 'alerts' }));
}

function card(a, offset) {
  const [kind, chip, hint] = state(a);
  const dead = chip === 'gone';
  const over = a.key && ['phone.replaced', 'phone.removed'].includes(a.gone); // this was intended, so the card does not offer to connect again
  const lost = dead && !over;
  const name = t('account.title', { organisation: a.organisation, user: a.username });
  const waiting = open.get(a.id)?.[0];
  return h('li', { class: 'card account' + (dead ? ' dead' : ''), 'data-test': 'account-card', 'data-account': a.id,
    'data-state': over ? 'over' : dead ? 'reconnect' : chip.replace('_', '-') },
    h('div', { class: 'row' },
      h('div', { class: 'grow' }, h('h2', {}, a.organisation), h('p', { class: 'muted' }, a.username + (a.phoneName ? ' · ' + a.phoneName : ''))),
      h('a', { href: '#/account/' + a.id, class: 'quiet square', 'aria-label': t('list.menu', { account: name }), 'data-test': 'account-menu', 'data-key': 'menu-' + a.id }, icon('menu'))),
    h('p', {}, h('span', { class: 'chip ' + kind, 'data-test': 'state-chip', 'data-state': chip }, t('state.' + chip)),
      Math.abs(offset) >= 1 && !dead && [' ', h('span', { class: 'chip warn', 'data-test': 'clock-chip' }, t('state.clock', { minutes: Math.abs(offset) }))]),
    hint && h('p', { class: 'muted small' }, t('state.' + hint)),
    Math.abs(offset) >= 1 && !dead && h('p', { class: 'muted small' }, t('state.clock_hint')),
    over && h('p', {}, t('state.nothing')),
    over && button(t('account.delete'), () => confirmDelete(a), { 'data-test': 'card-delete', 'data-key': 'delete-' + a.id }),
    lost && h('p', {}, a.reconnectUrl ? t('state.reconnect_at', { host: new URL(a.reconnectUrl).host }) : t('state.reconnect_plain')),
    lost && a.reconnectUrl && h('a', { href: a.reconnectUrl, class: 'button primary', target: '_blank', rel: 'noopener', 'data-test': 'reconnect' }, t('state.reconnect')),
    waiting && h('a', { href: '#/r/' + encodeURIComponent(waiting.transaction), class: 'button primary', 'data-test': 'show-request' }, t('list.show_request')),
    !dead && a.otpKey && codeRow(a, name));
}

function codeRow(a, name) {
  const totp = a.otp.type === 'totp';
  const on = shown.has(a.id);
  return h('div', { class: 'coderow', role: 'group', 'aria-label': t('code.label', { account: name }) },
    h('p', { class: 'code', id: 'code-' + a.id, 'data-test': 'code-value', 'aria-live': 'polite' }, on ? spaced(shown.get(a.id).code) : h('span', { 'aria-label': t('code.hidden') }, '••• •••')),
    h('p', { class: 'muted small', id: 'left-' + a.id }),
    h('div', { class: 'buttons' },
      button(on ? (totp ? t('code.hide') : t('code.next')) : t('code.reveal'), () => on && totp ? hide(a.id) : reveal(a), { 'data-test': 'reveal-code', 'data-key': 'reveal-' + a.id }),
      on && button(t('code.copy'), () => copy(shown.get(a.id).code), { 'data-key': 'copy-' + a.id, 'data-test': 'copy-code' })),
    on && h('p', { class: 'muted small' }, totp ? t('code.never') : `${t('code.once')} ${t('code.never')}`));
}

const spaced = (code) => code.length === 6 ? code.slice(0, 3) + ' ' + code.slice(3) : code;

function hide(id) { shown.delete(id); redraw(); }

// reveal makes a passcode and shows it. With HOTP the counter is stored before the code is shown.
async function reveal(a) {
  if (a.otp.type === 'totp') {
    shown.set(a.id, await totpNow(a));
  } else {
    const b = await store.change(a.id, (x) => { x.otp.counter += 1; });
    if (!b) return redraw();
    shown.set(a.id, { code: await hotp(b.otpKey, b.otp.counter - 1, b.otp.digits), until: Date.now() + 60000 });
  }
  await redraw();
  drawCode(a);
}

async function totpNow(a) {
  const s = step(serverNow(), a.otp.period);
  return { step: s, code: await hotp(a.otpKey, s, a.otp.digits), next: await hotp(a.otpKey, s + 1, a.otp.digits) };
}

async function drawCode(a) {
  const now = shown.get(a.id);
  const value = document.getElementById('code-' + a.id), left = document.getElementById('left-' + a.id);
  if (!now || !value || !left) return;
  if (a.otp.type === 'totp') {
    if (now.step !== step(serverNow(), a.otp.period)) {
      shown.set(a.id, await totpNow(a));
      value.textContent = spaced(shown.get(a.id).code);
    }
    const seconds = a.otp.period - Math.floor(serverNow() / 1000) % a.otp.period;
    left.textContent = t('code.seconds', { seconds }) + (seconds <= 5 ? ' · ' + t('code.upcoming', { code: spaced(shown.get(a.id).next) }) : '');
  } else if (Date.now() >= now.until) {
    hide(a.id);
  } else {
    left.textContent = t('code.seconds', { seconds: Math.ceil((now.until - Date.now()) / 1000) });
  }
}

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code);
    say(t('code.copied'));
  } catch { say(spaced(code)); }
}
