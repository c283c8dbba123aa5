// A person's phone: the phone app in a window of its own, used by its visible controls. The names in `at` are the
// app's data-test attributes; a page that changes its looks keeps them.
import assert from 'node:assert/strict';
import { openWindow, PATIENCE } from './browser.mjs';
import { installSubscription, workerDelivery } from './push.mjs';

const named = (name) => `[data-test="${name}"]`;

const at = {
  pairCode: named('pair-code-field'), // field for the typed code or a link
  codeSubmit: named('pair-code-submit'),
  pairSubmit: named('pair-button'), // "Set up this phone"
  problem: named('pair-problem'),
  account: named('account-card'), // one card an account
  chip: named('state-chip'), // data-state is ready, alerts_off, offline, connecting, gone
  request: named('request'), // the open request
  approve: named('approve'),
  deny: named('deny'),
  notMe: named('deny-notme'),
  mistake: named('deny-mistake'),
  result: named('result'), // what became of the answer: data-state
  done: named('done'),
  showCode: named('reveal-code'),
  code: named('code-value'),
  alertsOn: named('alerts-button'),
  scan: named('scan-button'),
};

// What a phone says it is, so that its card says "phone".
const android = 'Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36';

// openPhone opens a phone. Options: those of openWindow; budget (counts taps); push, a PushService, with
// origin, the app's origin, for alerts.
export async function openPhone(browser, { budget, push, origin, ...options } = {}) {
  const window = await openWindow(browser, { width: 390, touch: true, userAgent: android, ...options });
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

  // pair opens a pairing link (what the QR code says) and sets the phone up.
  async pair(url) {
    await this.page.goto(url);
    await this.setUp();
  }

  // setUp taps "Set up this phone" and waits until it is.
  async setUp() {
    await this.#at('pairSubmit').tap();
    await this.#at('account').or(this.#at('request')).first().waitFor();
  }

  // pairByCode types the code that stands beside the QR code.
  async pairByCode(appUrl, code) {
    await this.page.goto(appUrl);
    await this.page.getByRole('link', { name: 'Add account' }).tap();
    await this.#at('pairCode').fill(code);
    await this.#at('codeSubmit').tap();
    await this.setUp();
  }

  // refusedPairing opens a link that cannot be used any more and gives the app's sentence about it.
  async refusedPairing(url) {
    await this.page.goto(url);
    await this.#at('pairSubmit').tap();
    await this.page.locator(`${at.problem}:not(:empty)`).waitFor();
    return (await this.#at('problem').textContent()).trim();
  }

  // waitRequest waits until a request is on the screen and gives its words.
  async waitRequest() {
    try {
      await this.#at('request').waitFor();
    } catch (err) {
      err.stack += `\nthe phone shows ${this.page.url()}: ${await this.page.locator('main').innerText().catch(() => '')}`;
      throw err;
    }
    return (await this.#at('request').textContent()).trim();
  }

  async hasRequest() { return this.#at('request').isVisible(); }

  // typeNumber presses the digits on the app's pad; the last one approves.
  async typeNumber(number) {
    const pad = this.page.locator('[data-keypad]');
    for (const digit of String(number)) await pad.getByRole('button', { name: digit, exact: true }).tap();
  }

  // armed waits until the request takes an answer: the app waits a moment, so that no pocket answers.
  async armed() { await this.page.locator(`${named('pad-1')}:enabled`).or(this.page.locator(`${at.approve}:enabled`)).first().waitFor(); }

  async approve() { await this.#at('approve').tap(); }

  // deny answers no; why is 'not me' or 'my mistake'.
  async deny(why) {
    assert.ok(why === 'not me' || why === 'my mistake', why);
    await this.#at('deny').tap();
    await this.#at(why === 'not me' ? 'notMe' : 'mistake').tap();
  }

  // outcome is what became of the answer: approved, denied, reported, wrong_number, expired, already_answered.
  async outcome() { return this.#at('result').getAttribute('data-state'); }

  // home goes back to the list of accounts, from a request too.
  async home() {
    const list = this.page.locator('body[data-screen=list]');
    const link = this.page.locator(named('request-aside')).or(this.#at('done'));
    for (const until = Date.now() + PATIENCE; !await list.count();) { // a request may come up meanwhile
      assert.ok(Date.now() < until, 'the list of accounts does not come');
      if (await link.isVisible()) await link.tap({ timeout: 2000 }).catch(() => {});
      else await this.page.evaluate(() => { location.hash = '#/'; });
      await list.waitFor({ timeout: 1000 }).catch(() => {});
    }
  }

  // code shows the next code of an account and reads it.
  async code(account = 0) {
    await this.home();
    const card = this.#at('account').nth(account);
    const before = await card.locator(at.code).textContent();
    await card.locator(at.showCode).tap();
    const code = card.locator(at.code).filter({ hasNotText: before }).filter({ hasText: /\d{3} \d{3}/ });
    return (await code.textContent()).replace(/\D/g, '');
  }

  // waitState waits until an account's card shows a state.
  async waitState(state, account = 0) {
    await this.#at('account').nth(account).locator(`${at.chip}[data-state=${state}]`).waitFor();
  }

  async scan() { await this.#at('scan').tap(); }

  // turnOnAlerts turns alerts on by the button, unless the app did so by itself because they are allowed.
  async turnOnAlerts() {
    const ready = this.page.locator(`${at.chip}[data-state=ready]`);
    const button = this.#at('alertsOn').first();
    await ready.or(button).first().waitFor();
    if (!await ready.count()) await Promise.race([button.tap().catch(() => {}), ready.waitFor()]);
    await ready.waitFor();
  }

  // waitNotices waits until so many notifications are on show.
  async waitNotices(many) {
    await this.page.evaluate(async ([n, patience]) => {
      const registration = await navigator.serviceWorker.ready;
      const until = Date.now() + patience;
      for (;;) {
        const found = (await registration.getNotifications()).length;
        if (found === n) return;
        if (Date.now() > until) throw new Error(`${found} notifications instead of ${n}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }, [many, PATIENCE]);
  }

  // tapNotice does in the worker what a tap on the newest notification does.
  async tapNotice() {
    const worker = this.window.context.serviceWorkers().find((w) => new URL(w.url()).pathname === '/app/sw.js') ?? assert.fail('no worker');
    await worker.evaluate(async () => {
      const [notification] = await self.registration.getNotifications();
      const tap = new NotificationEvent('notificationclick', { notification });
      tap.waitUntil = () => {}; // the browser's own is for events of its own making
      self.dispatchEvent(tap);
    });
  }

  // deliver hands a push message to the app's service worker, as the browser would.
  async deliver(text) {
    this.#deliver ??= await workerDelivery(this.page);
    await this.#deliver(text);
  }

  // ready waits until the app can start without a server.
  async ready() { await this.page.evaluate(async () => { await navigator.serviceWorker.ready; }); }

  async offline(value = true) { await this.window.context.setOffline(value); }

  async close() { await this.window.close(); }
}
