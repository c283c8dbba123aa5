// A person's phone: the phone app in a window of its own, used by its visible controls. The names in `at` are the
// app's data-test attributes; a page that changes its looks keeps them.
import assert from 'node:assert/strict';
import { openWindow } from './browser.mjs';
import { installSubscription, workerDelivery } from './push.mjs';

const named = (name) => `[data-test="${name}"]`;

const at = {
  pairCode: named('pair-code'), // field for the typed code
  pairSubmit: named('pair-submit'), // "Add": for a typed code, and on the page that a link opens
  account: named('account'), // one card an account; data-state is ready, alerts-off, offline, reconnect
  request: named('request'), // the open request
  application: named('request-application'),
  user: named('request-user'),
  number: named('number'), // field for the number, or a keypad marked data-keypad
  approve: named('approve'),
  deny: named('deny'),
  notMe: named('deny-not-me'),
  mistake: named('deny-mistake'),
  outcome: named('outcome'), // what became of the answer
  showCode: named('show-code'),
  code: named('code'),
  alertsOn: named('alerts-on'),
};

// openPhone opens a phone. Options: those of openWindow; budget (counts taps); push, a PushService, with
// origin, the app's origin, for alerts.
export async function openPhone(browser, { budget, push, origin, ...options } = {}) {
  const window = await openWindow(browser, { width: 390, touch: true, ...options });
  const phone = new Phone(window);
  if (budget) await budget.watch(window, 'phone');
  if (push) {
    phone.subscription = push.subscribe((text) => phone.deliver(text));
    await installSubscription(window, phone.subscription, origin);
  }
  return phone;
}

export class Phone {
  subscription = null;
  #deliver = null;

  constructor(window) {
    this.window = window;
    this.page = window.page;
  }

  #at(name) { return this.page.locator(at[name]); }

  // pair opens a pairing link (what the QR code says) and waits for the account's card.
  async pair(url) {
    const before = await this.#at('account').count();
    await this.page.goto(url);
    // The page that a link opens may ask once, or pair by itself.
    await this.#at('pairSubmit').or(this.#at('account').nth(before)).or(this.#at('request')).first().waitFor();
    if (await this.#at('pairSubmit').isVisible()) await this.#at('pairSubmit').tap();
    await this.#at('account').nth(before).or(this.#at('request')).first().waitFor();
  }

  // pairByCode types the code that stands under the QR code.
  async pairByCode(appUrl, code) {
    await this.page.goto(appUrl);
    await this.#at('pairCode').fill(code);
    await this.#at('pairSubmit').tap();
    await this.#at('account').or(this.#at('request')).first().waitFor();
  }

  // waitRequest waits until a request is on the screen and says what it asks.
  async waitRequest() {
    await this.#at('request').first().waitFor();
    return {
      application: (await this.#at('application').first().textContent()).trim(),
      user: (await this.#at('user').first().textContent()).trim(),
    };
  }

  async hasRequest() { return this.#at('request').first().isVisible(); }

  // typeNumber presses the digits on the app's pad, or types them where there is a field.
  async typeNumber(number) {
    const pad = this.page.locator('[data-keypad]');
    if (await pad.count()) {
      for (const digit of String(number)) await pad.getByRole('button', { name: digit, exact: true }).tap();
    } else {
      await this.#at('number').pressSequentially(String(number));
    }
  }

  async approve() { await this.#at('approve').tap(); }

  // deny answers no; why is 'not me' or 'my mistake'.
  async deny(why) {
    assert.ok(why === 'not me' || why === 'my mistake', why);
    await this.#at('deny').tap();
    await this.#at(why === 'not me' ? 'notMe' : 'mistake').tap();
  }

  async outcome() { return (await this.#at('outcome').first().textContent()).trim(); }

  // code shows the next code of an account and reads it.
  async code(account = 0) {
    const card = this.#at('account').nth(account);
    const show = card.locator(at.showCode);
    if (await show.count()) await show.tap();
    const code = card.locator(at.code);
    await code.waitFor();
    return (await code.textContent()).replace(/\D/g, '');
  }

  // state is the data-state of an account's card.
  async state(account = 0) { return this.#at('account').nth(account).getAttribute('data-state'); }

  // turnOnAlerts taps the button that asks for notifications.
  async turnOnAlerts() { await this.#at('alertsOn').tap(); }

  // deliver hands a push message to the app's service worker, as the browser would.
  async deliver(text) {
    this.#deliver ??= await workerDelivery(this.page);
    await this.#deliver(text);
  }

  async offline(value = true) { await this.window.context.setOffline(value); }

  async close() { await this.window.close(); }
}
