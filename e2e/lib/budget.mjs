// Counts what a flow asks of a person and compares it with ux-budget.json: screens, clicks and typed fields
// in the browser, taps (and typed fields) on the phone.
//
// A screen is a distinct value of <body data-screen="…">; pages without it (the application's own) count
// nothing. A click is a mouse press, or the key that stands for one (Enter in a form, Enter or Space on a
// button or link). Digits pressed on [data-keypad] are one typed field.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

export const budgets = JSON.parse(readFileSync(new URL('../ux-budget.json', import.meta.url), 'utf8'));

export class Budget {
  #screens = new Set();
  #fields = new Set();
  #clicks = [];
  #taps = [];

  // watch counts in every page that the window opens from now on; where is 'browser' or 'phone'.
  async watch(window, where) {
    assert.ok(where === 'browser' || where === 'phone', where);
    await window.context.exposeBinding('__countersignCount', (_source, event) => this.#count(where, event));
    await window.context.addInitScript(observe);
  }

  // reset starts a new flow; the screen that stays open counts again when it is told with `from`.
  reset({ from } = {}) {
    this.#screens = new Set(from ? [from] : []);
    this.#fields = new Set();
    this.#clicks = [];
    this.#taps = [];
  }

  #count(where, { kind, screen, what }) {
    if (kind === 'screen' && where === 'browser') this.#screens.add(screen);
    if (kind === 'field') this.#fields.add(`${where} ${screen}: ${what}`);
    if (kind === 'press') (where === 'phone' ? this.#taps : this.#clicks).push(`${screen}: ${what}`);
  }

  get counts() {
    return { screens: this.#screens.size, clicks: this.#clicks.length, fields: this.#fields.size, taps: this.#taps.length };
  }

  // assertWithin fails when the flow took more of anything than its budget, and lists what was counted. plus is what a
  // rule outside the flow adds, such as the number of a first request: { fields: 1 }.
  assertWithin(flow, plus = {}) {
    assert.ok(budgets[flow], `ux-budget.json has no flow ${flow}`);
    const budget = { ...budgets[flow] };
    for (const [what, n] of Object.entries(plus)) budget[what] += n;
    const { counts } = this;
    const seen = { screens: [...this.#screens], clicks: this.#clicks, fields: [...this.#fields], taps: this.#taps };
    const over = Object.keys(counts).filter((k) => counts[k] > budget[k])
      .map((k) => `${counts[k]} ${k} instead of at most ${budget[k]} (${seen[k].join(' | ')})`);
    assert.equal(over.length, 0, `${flow}, ${budget.flow}, takes ${over.join('; ')}`);
    return counts;
  }
}

// observe runs inside each page before its own scripts.
function observe() {
  if (window !== window.top) return;
  const screen = () => document.body?.dataset.screen;
  let last;
  const tell = (kind, what) => { const s = screen(); if (s) window.__countersignCount({ kind, screen: s, what }); };
  const look = () => { const s = screen(); if (s && s !== last) { last = s; tell('screen'); } };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-screen'] });
  document.addEventListener('DOMContentLoaded', look);

  const name = (el) => (el.getAttribute?.('data-test') || el.getAttribute?.('name') || el.getAttribute?.('aria-label') || el.textContent || el.tagName).trim().slice(0, 40);
  const control = 'button, a[href], summary, label, input, select, textarea, [role=button], [role=menuitem]';
  const press = (el) => { const c = el.closest(control) ?? el; tell(c.closest('[data-keypad]') ? 'field' : 'press', c.closest('[data-keypad]') ? 'keypad' : name(c)); };
  // On the document: the driver takes back on the window, before it comes here, what hit the wrong element, and presses again.
  document.addEventListener('pointerup', (e) => { if (e.isTrusted && e.target instanceof Element) press(e.target); }, true);
  addEventListener('keydown', (e) => {
    if (!e.isTrusted || e.repeat || !(e.target instanceof Element)) return;
    const button = e.target.closest('button, a[href], summary, [role=button]');
    const submits = e.key === 'Enter' && e.target.matches('input') && e.target.form;
    if (submits || (button && (e.key === 'Enter' || e.key === ' '))) press(e.target);
  }, true);
  addEventListener('input', (e) => {
    if (e.target instanceof Element && e.target.matches('textarea, input:not([type=checkbox], [type=radio], [type=hidden], [type=range])')) {
      tell('field', e.target.closest('[data-keypad]') ? 'keypad' : name(e.target));
    }
  }, true);
}
