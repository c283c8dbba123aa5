// Every page a person can meet, looked at by axe in light, dark, at 320 px and in forced colors, with a browser that
// notices console errors, refused content, failed requests and answers of 500 and above.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { answer, number, pairingLink, screen, signIn, Stage, typeCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

const check = assertAccessible;

// look looks at pages while a request is open. A request lives for a minute; where the look took long, it gives a fresh one.
async function look(page, phone, ...looks) {
  const began = Date.now();
  for (const one of looks) await one();
  if (Date.now() - began < 25_000) return;
  await page.getByRole('heading', { name: 'Nobody answered in time' }).waitFor();
  await phone.home();
  await page.getByRole('button', { name: 'Send again' }).click();
}

describe('every page can be used by everybody', () => {
  it('of setting up a phone', async () => {
    const remind = await stage.application('--spare', 'remind');
    const user = stage.person();
    const { page } = await stage.computer();
    const phone = await stage.phone();
    await signIn(page, remind, user);
    await page.locator('summary').evaluateAll((all) => all.forEach((s) => s.parentElement.open = true));
    await check(page, { name: 'pairing' });
    await phone.page.goto(await pairingLink(page));
    await phone.page.locator('body[data-screen=pair]').waitFor();
    await check(phone.page, { name: 'app: set up this phone' });
    await phone.setUp();
    await phone.armed();
    await number(page);
    await look(page, phone, () => check(phone.page, { name: 'app: first request' }), () => check(page, { name: 'first request' }));
    await answer(page, phone);
    await screen(page, 'spare');
    await check(page, { name: 'spare way' });
    await check(phone.page, { name: 'app: approved' });
  });

  it('of signing in', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await number(page);
    await page.getByText('Delivered at').waitFor();
    await phone.armed();
    await phone.page.clock.install(); // else a no without a reason goes out by itself after a while
    await phone.page.clock.pauseAt(Date.now() + 1000);
    await phone.page.locator('[data-test=deny]').tap();
    await phone.page.locator('body[data-screen=deny]').waitFor();
    await check(page, { name: 'waiting for the phone' });
    await check(phone.page, { name: 'app: why not' });
    await phone.page.clock.resume();
    await phone.home();
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await screen(page, 'ways');
    await check(page, { name: 'other ways' });
    await page.goBack();
    await page.getByRole('button', { name: 'Send again' }).click(); // nobody knows how long the looks took
    await phone.waitRequest();
    await phone.deny('my mistake');
    assert.equal(await phone.outcome(), 'denied');
    await page.getByRole('heading', { name: 'You said no' }).waitFor();
    await check(page, { name: 'turned down' });
    await page.getByRole('link', { name: 'Use a code' }).click();
    await screen(page, 'code');
    await check(page, { name: 'code' });
    await typeCode(page, '000000');
    await page.getByRole('alert').waitFor();
    await check(page, { name: 'wrong code' });
    const { code } = await stage.demo.cli('user', 'bypass-code', user);
    await typeCode(page, code);
    await screen(page, 'recovered');
    await check(page, { name: 'after a code from the help desk' });
  });

  it('of looking after phones', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'I have a new phone' }).click();
    await screen(page, 'verify');
    await check(page, { name: 'prove it is you' });
    await page.goto(page.url().replace('/new-phone', '/devices'));
    await page.getByRole('link', { name: /Code from the app/ }).click();
    await typeCode(page, await phone.code());
    await screen(page, 'devices');
    await check(page, { name: 'my devices' });
    await page.getByRole('link', { name: /^Remove/ }).click();
    await screen(page, 'device-remove');
    await check(page, { name: 'the only way in' });
    await page.goBack();
    await page.getByRole('button', { name: 'Add a device' }).click();
    await screen(page, 'pair');
    await check(page, { name: 'add a device' });
    await (await stage.phone()).pair(await pairingLink(page));
    await page.getByText('You can sign in with it now').waitFor();
    await check(page, { name: 'two devices' });
    await page.getByRole('link', { name: /^Remove/ }).first().click();
    await check(page, { name: 'remove a device' });
    await page.goBack();
    await page.getByRole('link', { name: /^Rename/ }).first().click();
    await check(page, { name: 'rename a device' });
  });

  it('of refusals and ends', async () => {
    const { page } = await stage.computer();
    const closed = await stage.application('--new-user', 'deny');
    await signIn(page, closed, stage.person());
    await screen(page, 'refused');
    await check(page, { name: 'refused' });
    for (const path of ['my', 'prompt/AAAAAAAAAAAAAAAAAAAAAA', 'enroll/nothing', 'enrolled', 'nowhere']) {
      await page.goto(new URL(path, stage.url).href);
      await check(page, { name: `/${path}` });
    }
    const user = stage.person();
    await stage.demo.cli('user', 'add', user);
    await page.goto((await stage.demo.cli('user', 'enroll', user)).link);
    await check(page, { name: 'invitation' });
  });

  it('of the phone app', async () => {
    const { phone } = await stage.enrolled(app);
    const { page } = phone;
    await phone.code();
    await check(page, { name: 'app: accounts' });
    const fresh = await stage.phone();
    await fresh.page.goto(new URL('app/', stage.url).href);
    await fresh.page.locator('body[data-screen=list]').waitFor();
    await check(fresh.page, { name: 'app: empty' });
    await fresh.page.getByRole('link', { name: 'Add account' }).tap();
    await fresh.page.locator('body[data-screen=add]').waitFor();
    await check(fresh.page, { name: 'app: add' });
    await page.locator('[data-test=account-menu]').tap();
    await page.locator('[data-test=menu-delete]').waitFor();
    await check(page, { name: 'app: account' });
    await page.locator('[data-test=menu-delete]').tap();
    await check(page, { name: 'app: delete?' });
    await page.locator('[data-test=delete-cancel]').tap();
    await page.locator('[data-test=menu-diagnostics]').tap();
    await page.locator('[data-test=diagnostics]').waitFor();
    await check(page, { name: 'app: check this phone' });
    const apple = await stage.phone({ userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1' });
    await apple.page.goto(new URL('a/AAAAAAAAAAAAAAAAAAAAAA', stage.url).href);
    await apple.page.locator('body[data-screen=install]').waitFor();
    await check(apple.page, { name: 'app: put it on the home screen' });
    await apple.page.locator('[data-test=install-skip]').tap();
    await fresh.page.goto(new URL('app/#/r/nothing', stage.url).href);
    await fresh.page.getByRole('heading', { name: 'That request is no longer open' }).waitFor();
    await check(fresh.page, { name: 'app: request gone' });
  });

  it('of the demo', async () => {
    const { page } = await stage.computer();
    for (const path of ['', 'demo/inbox', 'demo/phone', 'sample/']) {
      await page.goto(new URL(path, stage.url).href);
      await check(page, { name: `/${path}` });
    }
    await page.goto(new URL('demo/phone', stage.url).href);
    await page.getByRole('link', { name: 'Open the phone of ana' }).click();
    await check(page, { name: 'virtual phone' });
    await page.getByRole('button', { name: 'Show a code' }).click();
    await page.locator('#the-code').waitFor();
    await check(page, { name: 'virtual phone with a code' });
    await stage.enrolled(app, { known: true }).then(({ user }) => stage.mail(user));
    await page.goto(stage.demo.info.inbox_url);
    await page.locator('main a[href^="/demo/inbox/"]').first().click();
    await check(page, { name: 'a mail' });
  });
});
