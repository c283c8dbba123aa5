// Adding an account by a link, a typed code or the camera, and the pairing itself.
import * as store from './store.js';
import { activate, VERSION } from './api.js';
import { secretKey } from './otp.js';
import { base64url, sha256, target } from './wire.js';
import { button, h, organisation, sentence, show, t, top } from './dom.js';

// add is the screen with one field for a code or a link, and a button for the camera.
export function add() {
  const problem = h('p', { class: 'problem', id: 'add-problem', role: 'alert' });
  const field = h('input', { id: 'code', type: 'text', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', required: true,
    'aria-describedby': 'code-hint add-problem', 'data-test': 'pair-code-field', 'data-key': 'code' });
  const go = (text) => {
    const to = target(text, location.origin);
    if (!to) {
      problem.textContent = t('add.not_a_code');
      return false;
    }
    if (to.origin) {
      const host = new URL(to.origin).host;
      problem.replaceChildren(t('add.other_server', { host }), ' ', h('a', { href: to.href }, t('add.open_other', { host })));
      return false;
    }
    location.hash = '#/pair/' + encodeURIComponent(to.code);
    return true;
  };
  const home = location.pathname.startsWith('/app/') ? '#/' : '/app/';
  show('add', top(t('add.title'), home), h('p', { class: 'muted' }, t('add.text')),
    h('form', { class: 'card stack', onsubmit: (e) => { e.preventDefault(); go(field.value); } },
      h('label', { for: 'code' }, t('add.field')), field, h('p', { class: 'muted small', id: 'code-hint' }, t('add.field_hint')), problem,
      h('div', { class: 'buttons' },
        h('button', { type: 'submit', class: 'button primary', 'data-test': 'pair-code-submit' }, t('add.button')),
        navigator.clipboard?.readText && button(t('add.paste'), async () => {
          try { field.value = await navigator.clipboard.readText(); } catch { /* not allowed: the person types */ }
          field.focus();
        }))),
    h('section', { class: 'card stack' },
      navigator.mediaDevices?.getUserMedia && button(t('add.camera'), async () => {
        const { scan } = await import('./scan.js');
        scan((text) => go(text) || (add(), document.getElementById('add-problem').textContent = t('scan.other'), true), add);
      }, { 'data-test': 'scan-button', 'data-key': 'camera' }),
      h('p', { class: 'muted small' }, t('add.camera_hint'))));
}

// shown shows a typed code, so that a person can compare it. The code of a link is too long for that.
const shown = (code) => code.length === 8 && h('p', { class: 'muted small' }, t('pair.code', { code: code.slice(0, 4) + '-' + code.slice(4) }));

const apple = () => /iPhone|iPad|iPod/.test(navigator.userAgent) || /Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1;
const installed = () => navigator.standalone === true || matchMedia('(display-mode: standalone)').matches;

// landing is what a pairing link shows first. On an iPhone an app gets alerts only when it is on the home screen, and the
// app there cannot read what this page has stored. So the page explains this before the code is used up.
export function landing(code) {
  if (!apple() || installed()) return pair(code);
  show('install', h('h1', {}, t('install.title')), h('p', {}, t('install.text')),
    h('ol', { class: 'card steps' }, [1, 2, 3].map((n) => h('li', {}, t('install.step' + n)))),
    shown(code),
    button(t('install.go_on'), () => pair(code), { 'data-test': 'install-skip' }));
}

function platform() {
  const ua = navigator.userAgent;
  if (apple()) return /iPad|Macintosh/.test(ua) ? 'iPadOS' : 'iOS';
  for (const [word, name] of [['Android', 'Android'], ['Windows', 'Windows'], ['CrOS', 'ChromeOS'], ['Mac OS', 'macOS'], ['Linux', 'Linux']]) {
    if (ua.includes(word)) return name;
  }
  return 'Web';
}

async function model() {
  try {
    return (await navigator.userAgentData?.getHighEntropyValues?.(['model']))?.model?.slice(0, 60) ?? '';
  } catch { return ''; }
}

// generic returns a name for a device whose model is unknown.
function generic(platform) {
  if (platform === 'iPadOS' || platform === 'Android' && !/Mobile/.test(navigator.userAgent)) return t('pair.default_tablet');
  return ['Android', 'iOS'].includes(platform) ? t('pair.default_name') : t('pair.default_computer', { platform });
}

// chosen is the name to send. It is empty when the person has left "My phone", because the server may know a better one: a
// phone record may say that it is a tablet, or which phone it replaces.
const chosen = (typed, suggested) => typed === suggested && typed === t('pair.default_name') ? '' : typed;

const known = async (code) => (await store.accounts()).some((a) => a.pairedWith && a.pairedWith === code);
export const fingerprint = async (code) => base64url(await sha256(new TextEncoder().encode('code:' + code)));

// resume returns whether a start with ?p=CODE has to pair. It is false when this phone has used the code already.
export const resume = async (code) => !await known(await fingerprint(code));

// keyFor returns the key pair to claim a code with. It stores the pair before the code is used up, because some private
// windows cannot store a key, and because an app that is closed or loses its connection meanwhile has to claim the code
// again with the same key.
async function keyFor(code) {
  const pending = await store.account('pending');
  if (pending?.code === code && pending.publicKey) return { privateKey: pending.key, publicKey: pending.publicKey };
  const made = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  await store.save({ id: 'pending', key: made.privateKey, publicKey: made.publicKey, code });
  return made;
}

// pair shows a field for the name and one button, which makes the key and claims the code.
export async function pair(code) {
  const about = { platform: platform(), model: await model(), name: '' };
  const suggested = about.model || generic(about.platform);
  const field = h('input', { id: 'name', type: 'text', autocomplete: 'off', maxlength: 50, value: suggested,
    'aria-describedby': 'name-hint', 'data-test': 'pair-name-field' });
  const problem = h('p', { class: 'problem', role: 'alert', 'data-test': 'pair-problem' });
  const go = h('button', { type: 'submit', class: 'button primary', 'data-test': 'pair-button' }, t('pair.button'));
  show('pair', h('h1', {}, t('pair.title')), h('p', {}, organisation ? h('strong', {}, organisation) : null, organisation ? '. ' : '', t('pair.text')),
    h('form', { class: 'card stack', onsubmit: submit }, h('label', { for: 'name' }, t('pair.name')), field,
      h('p', { class: 'muted small', id: 'name-hint' }, t('pair.name_hint')), problem, go),
    shown(code),
    h('a', { href: '#/add', class: 'plain' }, t('pair.have_code')));

  async function submit(e) {
    e.preventDefault();
    go.disabled = true;
    go.textContent = t('pair.working');
    problem.textContent = '';
    let keys;
    try {
      keys = await keyFor(await fingerprint(code));
    } catch {
      return fail(t('pair.unsupported'));
    }
    try {
      const got = await activate(code, keys, { ...about, name: chosen(field.value.trim(), suggested) });
      const spki = await crypto.subtle.exportKey('spki', keys.publicKey);
      await store.save({ id: got.account_id, userId: got.user_id, username: got.username, organisation: got.organisation,
        phoneName: got.phone_name, reconnectUrl: safe(got.reconnect_url), vapid: got.vapid_public_key, key: keys.privateKey,
        keyId: base64url(await sha256(spki)), counter: 0, created: Date.now(), alerts: false, version: VERSION,
        otp: { type: got.otp.type, digits: got.otp.digits, period: got.otp.period, counter: got.otp.counter },
        otpKey: got.otp.secret ? await secretKey(got.otp.secret) : null, pairedWith: await fingerprint(code) });
      await store.remove('pending');
      await navigator.storage?.persist?.().catch(() => false);
      location.replace('/app/#/paired');
      if (location.pathname === '/app/' && !location.search) dispatchEvent(new Event('accounts'));
    } catch (err) {
      fail(sentence(err));
    }
  }
  function fail(text) {
    problem.textContent = text;
    go.disabled = false;
    go.textContent = t('pair.button');
  }
}

const safe = (url) => /^https?:\/\//.test(url ?? '') ? url : '';
