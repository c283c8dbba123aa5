// Elements and texts. No value is parsed as HTML: every value becomes a text node or an attribute.

const data = JSON.parse(document.getElementById('app-data').textContent);
export const organisation = data.organisation;

// t returns the sentence phoneapp.<key> of the catalogue, with its placeholders filled.
export function t(key, values = {}) {
  const s = data.texts['phoneapp.' + key];
  if (s === undefined) return `⟦${key}⟧`;
  return s.replace(/\{(\w+)\}/g, (all, name) => name in values ? String(values[name]) : all);
}

// h makes an element. Attributes whose names begin with "on" are listeners. Children are strings, nodes, arrays of them,
// or null, undefined and false for nothing.
export function h(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else if (name === 'value') e.value = value;
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat(3).filter((c) => c !== undefined && c !== null && c !== false));
  return e;
}

export const button = (label, onclick, attributes = {}) =>
  h('button', { type: 'button', class: 'button', ...attributes, onclick }, label);

const view = () => document.getElementById('view');

// show replaces the screen. When it is another screen than before, its heading gets the focus, so that a screen reader
// starts there. A redraw of the same screen keeps the focus on the element with the same data-key.
let current = '';
export function show(name, ...children) {
  const key = document.activeElement?.dataset?.key;
  const v = view();
  v.replaceChildren(...children.flat(3).filter((c) => c !== undefined && c !== null && c !== false));
  v.dataset.screen = name;
  document.body.dataset.screen = name;
  const heading = v.querySelector('h1');
  document.title = heading ? `${heading.textContent} – ${t('name')}` : t('name');
  if (name !== current) {
    current = name;
    scrollTo(0, 0);
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  } else if (key) {
    v.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }
}
export const forget = () => { current = ''; };

let clear;
// say shows a line at the foot for 8 seconds; screen readers read it aloud.
export function say(sentence) {
  const line = document.getElementById('say');
  line.textContent = sentence;
  clearTimeout(clear);
  clear = setTimeout(() => { line.textContent = ''; }, 8000);
}

// sentence returns the text for a failure. A refusal of the server has its own.
export function sentence(e) {
  if (e?.status) return e.message;
  return t('error.offline');
}

const chars = { '+': 'M12 5v14M5 12h14', back: 'M15 5l-7 7 7 7', menu: 'M12 5.5v.01M12 12v.01M12 18.5v.01', ok: 'M5 12.5l5 5 9-11',
  no: 'M6 6l12 12M18 6L6 18', erase: 'M20 6H9l-6 6 6 6h11zM12 10l4 4m0-4l-4 4', clock: 'M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0' };
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const p = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  p.setAttribute('d', chars[name]);
  svg.append(p);
  return svg;
}

// top is the header of a screen: a link back and the heading.
export const top = (title, back) => h('header', { class: 'top' },
  back && h('a', { href: back, class: 'quiet square', 'aria-label': t('back') }, icon('back')), h('h1', {}, title));

export const clock = (ms) => new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }).format(new Date(ms));
export const moment = (ms) => ms ? new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(ms)) : t('diag.never');
