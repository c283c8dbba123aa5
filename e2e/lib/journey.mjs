// What the journeys share: one demo and one browser a file, people with names of their own, a computer and a phone for
// each, and the few steps that nearly every journey begins with.
import assert from 'node:assert/strict';
import { Application } from './application.mjs';
import { launch, openWindow, PATIENCE } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { openPhone } from './phone.mjs';
import { Unseen } from './unseen.mjs';

// A number pad and number entry as most tests want them; the question for a spare phone has tests of its own.
const usual = ['--new-user', 'enroll', '--spare', 'off'];

// noSelfService among the flags of an application keeps people from looking after their own phones.
export const noSelfService = 'no self-service';

export class Stage {
  #applications = new Map();
  #windows = [];
  #people = 0;

  static async open(options = {}) {
    const stage = new Stage();
    stage.browser = await launch(options.chromium, { notifications: options.notifications });
    try {
      stage.demo = await startDemo(options.demo);
    } catch (err) {
      await stage.browser.close();
      throw err;
    }
    return stage;
  }

  get url() { return this.demo.info.url; }

  get sample() { return this.demo.info.sample_app_url; }

  // application gives the application with these flags of `app add`; the same flags give the same one.
  async application(...flags) {
    const key = flags.join(' ');
    if (!this.#applications.has(key)) {
      this.#applications.set(key, Application.start(this.demo, `Payroll ${this.#applications.size + 1}`, ...(flags.includes(noSelfService) ? [] : ['--self-service']), ...usual, ...flags.filter((f) => f !== noSelfService)));
    }
    return this.#applications.get(key);
  }

  // person gives a name that nobody has yet.
  person(name = 'person') { return `${name}-${++this.#people}`; }

  async computer(options) {
    const window = await openWindow(this.browser, options);
    this.#windows.push(window);
    return window;
  }

  async phone(options) {
    const phone = await openPhone(this.browser, options);
    this.#windows.push(phone.window);
    return phone;
  }

  // enrolled gives a person who has set up a phone while signing in, with that phone and the computer, both open. The
  // computer has its cookies and has shown nothing yet; the pages of that first sign-in have tests of their own.
  async enrolled(app, { user = this.person(), phone: options, computer: other, known } = {}) {
    if (known) await this.demo.cli('user', 'add', user, '--email', `${user}@northfield.example`);
    const [computer, phone] = await Promise.all([this.computer(other), this.phone(options)]);
    const way = new Unseen(computer);
    await way.open(await app.address(user));
    await phone.pair(way.pairingLink);
    await way.send('/wait');
    await approve(phone, way.number);
    while (way.at.pathname !== '/in') await way.send(way.has('/continue') ? '/continue' : '/wait');
    assert.equal(way.at.searchParams.get('user'), user);
    return { user, computer, phone };
  }

  async mails(to) {
    const all = await (await fetch(new URL('demo/inbox.json', this.url))).json();
    return all.filter((mail) => mail.to.includes(to));
  }

  // mail waits for the newest mail to somebody that matches.
  async mail(to, pattern = /./) {
    for (const until = Date.now() + PATIENCE; Date.now() < until;) {
      const found = (await this.mails(to)).find((mail) => pattern.test(mail.subject + mail.text));
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return assert.fail(`no mail to ${to} matches ${pattern}`);
  }

  // tidy closes the windows of a test and fails when one of them saw a problem.
  async tidy() {
    const windows = this.#windows.splice(0);
    await Promise.all(windows.map((window) => window.context.close().catch(() => {})));
    for (const window of windows) window.assertClean();
  }

  async close() {
    await this.browser?.close();
    for (const app of this.#applications.values()) await (await app).close();
    await this.demo?.close();
  }
}

// signIn starts a sign-in; the password step is the application's and not looked at here.
export async function signIn(page, app, user) { await page.goto(await app.address(user)); }

// atSample signs in to the demo's sample application up to the second step.
export async function atSample(page, stage, user) {
  await page.goto(stage.sample);
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password').fill('demo');
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// screen waits until the page shows a screen of the product.
export async function screen(page, name) { await page.locator(`body[data-screen="${name}"]`).waitFor(); }

// pairingLink is what the QR code of the pairing page says.
export async function pairingLink(page) {
  await page.locator('#typed-code').waitFor();
  return page.getByRole('link', { name: 'Open on this phone', includeHidden: true }).first().getAttribute('href');
}

export async function typedCode(page) { return (await page.locator('#typed-code').textContent()).trim(); }

// number is the one to type on the phone, or '' when the page asks for none.
export async function number(page) {
  await screen(page, 'push');
  const digits = page.locator('.digits');
  return await digits.count() ? (await digits.textContent()).replace(/\D/g, '') : '';
}

// answer approves the open request on the phone, with the number the page shows.
export async function answer(page, phone) {
  await approve(phone, await number(page));
}

// approve approves the open request on the phone, with a number unless that is ''.
export async function approve(phone, shown) {
  await phone.waitRequest();
  if (shown) await phone.typeNumber(shown); else await phone.approve();
  assert.equal(await phone.outcome(), 'approved');
}

// landed waits for the application and checks who came back and how.
export async function landed(page, user, factor) {
  await page.getByRole('heading', { name: 'Signed in', exact: true }).waitFor();
  assert.equal(await page.locator('#who').textContent(), user);
  if (factor) assert.equal(await page.locator('#how').textContent(), factor);
}

// typeCode fills the one field and sends it.
export async function typeCode(page, code) {
  await page.getByLabel('Code', { exact: true }).fill(code);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
}

// enter presses Enter where that may lead to another page. Chromium at times loses its word that a key was taken when the
// page moves on at once, and a press has no time limit, so nobody waits for that word: what comes of it is waited for.
export function enter(page) { page.keyboard.press('Enter').catch(() => {}); }

// tabTo presses Tab until the control with this name has the focus; inside is the frame it is in, else the page itself.
export async function tabTo(page, name, inside = page) {
  const hit = (text) => (name instanceof RegExp ? name.test(text) : text === name);
  const seen = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const text = await inside.evaluate(() => {
      const e = document.activeElement;
      if (!e?.matches('a, button, input, select, summary, textarea')) return ''; // a heading that a script has focused is no control
      return (e?.getAttribute('aria-label') || e?.labels?.[0]?.textContent || e?.textContent || '').trim().replace(/\s+/g, ' ');
    });
    if (hit(text)) return;
    seen.push(text.slice(0, 40));
  }
  assert.fail(`Tab does not reach ${name}: ${[...new Set(seen)].join(' | ')}`);
}
