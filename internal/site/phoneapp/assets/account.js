// One account: rename, check this phone, what the organization sees, delete.
import * as store from './store.js';
import { call, clockOffset, VERSION } from './api.js';
import { permission } from './alerts.js';
import { button, h, moment, say, sentence, show, t, top } from './dom.js';

export async function account(id) {
  const a = await store.account(id);
  if (!a) { location.hash = '#/'; return; }
  const field = h('input', { id: 'name', type: 'text', autocomplete: 'off', maxlength: 50, required: true, value: a.phoneName, 'aria-describedby': 'name-hint', 'data-test': 'rename-field' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  const name = t('account.title', { organisation: a.organisation, user: a.username });
  const among = await places(id);
  if (location.hash !== '#/account/' + id) return; // the person has opened another screen meanwhile
  show('account-' + id, top(name, '#/'),
    !a.gone && a.key && h('form', { class: 'card stack', onsubmit: rename },
      h('label', { for: 'name' }, t('account.rename')), field, h('p', { class: 'muted small', id: 'name-hint' }, t('account.rename_hint')), problem,
      h('button', { type: 'submit', class: 'button', 'data-test': 'menu-rename' }, t('account.save'))),
    among,
    h('a', { href: '#/check/' + id, class: 'button', 'data-test': 'menu-diagnostics' }, t('account.diagnostics')),
    h('section', { class: 'card' }, h('h2', {}, t('account.seen')), h('p', { class: 'muted' }, t('account.seen_text'))),
    button(t('account.delete'), () => confirmDelete(a), { class: 'button danger', 'data-test': 'menu-delete' }));

  async function rename(e) {
    e.preventDefault();
    problem.textContent = '';
    try {
      await call(a, 'PATCH', '/phone/v1/account', { name: field.value.trim() });
      await store.change(id, (x) => { x.phoneName = field.value.trim(); });
      say(t('account.saved'));
    } catch (err) { problem.textContent = sentence(err); }
  }
}

// confirmDelete asks once more and then removes the account here, and on the server as long as that knows this phone.
export function confirmDelete(a) {
  const dialog = h('dialog', { 'aria-labelledby': 'delete-title' }, h('h2', { id: 'delete-title' }, t('account.delete_title')),
    h('p', {}, t('account.delete_text', { user: a.username, organisation: a.organisation })),
    h('div', { class: 'buttons' }, button(t('cancel'), () => { dialog.close(); dialog.remove(); }, { 'data-test': 'delete-cancel' }),
      button(t('account.delete_confirm'), erase, { class: 'button danger', 'data-test': 'delete-confirm' })));
  document.body.append(dialog);
  dialog.showModal();
  async function erase() {
    dialog.close();
    dialog.remove();
    let removed = true; // on the server
    if (!a.gone && a.key) {
      try { await call(a, 'DELETE', '/phone/v1/account'); } catch (err) { removed = Boolean(err.gone); }
    }
    await store.remove(a.id);
    location.hash = '#/';
    dispatchEvent(new Event('accounts'));
    say(t(removed ? 'account.deleted' : 'account.deleted_offline'));
  }
}

// places is the section that moves the account in the list. It uses buttons, because not everybody can drag. It is null
// with one account only.
async function places(id) {
  const ids = (await store.accounts()).map((a) => a.id);
  const here = ids.indexOf(id);
  if (ids.length < 2) return null;
  const where = (i) => t('account.place_is', { place: i + 1, all: ids.length });
  const move = (key, label, by) => button(label, async () => {
    const order = (await store.accounts()).map((a) => a.id);
    const i = order.indexOf(id);
    if (i < 0 || i + by < 0 || i + by >= order.length) return;
    [order[i], order[i + by]] = [order[i + by], order[i]];
    await store.arrange(order);
    await account(id);
    if (location.hash !== '#/account/' + id) return;
    if (document.activeElement === document.body) document.querySelector(`[data-key=${by < 0 ? 'later' : 'earlier'}]`)?.focus();
    say(where(i + by));
  }, { 'data-key': key, 'data-test': 'menu-' + key, disabled: here + by < 0 || here + by >= ids.length });
  return h('section', { class: 'card', 'aria-labelledby': 'place' }, h('h2', { id: 'place' }, t('account.place')), h('p', { class: 'muted' }, where(here)),
    h('div', { class: 'buttons' }, move('earlier', t('account.earlier'), -1), move('later', t('account.later'), 1)));
}

// check is the page for somebody whose alerts do not arrive.
export async function check(id) {
  const a = await store.account(id);
  if (!a) { location.hash = '#/'; return; }
  let status = null, trouble = '';
  try { status = await call(a, 'GET', '/phone/v1/account'); } catch (e) { trouble = sentence(e); }
  const kept = await navigator.storage?.persisted?.().catch(() => false);
  const rows = [
    ['connection', status ? t('diag.connection_ok') : trouble || t('diag.connection_bad')],
    ['permission', t('diag.permission_' + permission())],
    ['subscription', status ? t('diag.alerts_' + (['on', 'off', 'dead'].includes(status.alerts) ? status.alerts : 'off')) : '–'],
    ['last_push', moment(await store.fact('lastPush'))],
    ['last_fetch', moment(await store.fact('lastFetch'))],
    ['storage', t(kept ? 'diag.yes' : 'diag.no')],
    ['clock', t('diag.clock_value', { seconds: Math.round(await clockOffset() / 1000) })],
    ['key', (a.keyId ?? '').slice(0, 12)],
    ['version', VERSION],
  ];
  show('check-' + id, top(t('diag.title'), '#/account/' + id),
    h('dl', { class: 'card facts', 'data-test': 'diagnostics' }, rows.map(([k, v]) => h('div', {}, h('dt', {}, t('diag.' + k)), h('dd', {}, v)))),
    h('div', { class: 'buttons' },
      status && button(t('diag.test'), async () => {
        try {
          await call(a, 'POST', '/phone/v1/test-alert');
          say(t('diag.test_sent'));
        } catch (e) { say(sentence(e)); }
      }, { 'data-test': 'test-alert' }),
      button(t('diag.copy'), async () => {
        const report = rows.map(([k, v]) => `${t('diag.' + k)}: ${v}`).join('\n') + `\n${navigator.userAgent}`;
        try {
          await navigator.clipboard.writeText(report);
          say(t('diag.copied'));
        } catch { say(report); }
      })));
}
