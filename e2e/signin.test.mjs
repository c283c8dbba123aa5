// Signing in with the phone and with codes, and every way in which it does not work out.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Budget } from './lib/budget.mjs';
import { answer, enter, landed, number, screen, signIn, Stage, tabTo, typeCode } from './lib/journey.mjs';

let stage, app, plain;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
  plain = await stage.application('--number-entry', 'off');
});
afterEach(() => stage.tidy());
after(() => stage?.close());

const again = (page) => page.getByRole('button', { name: 'Send again' });

describe('a request to the phone', () => {
  it('is approved with the number on the other screen, within the budget L2', async () => {
    const budget = new Budget();
    const { user, computer, phone } = await stage.enrolled(app, { phone: { budget } });
    await budget.watch(computer, 'browser');
    await phone.home();
    await signIn(computer.page, app, user);
    budget.reset({ from: 'push' });
    assert.match(await number(computer.page), /^\d{3}$/);
    await computer.page.getByText('Delivered at').waitFor();
    await answer(computer.page, phone);
    await landed(computer.page, user, 'verified_duo_push');
    budget.assertWithin('L2');
  });

  it('is one tap where the application asks for no number, within the budget L1', async () => {
    const budget = new Budget();
    const { user, computer, phone } = await stage.enrolled(plain, { phone: { budget } });
    await budget.watch(computer, 'browser');
    await phone.home();
    await signIn(computer.page, plain, user);
    budget.reset({ from: 'push' });
    assert.equal(await number(computer.page), '');
    await answer(computer.page, phone);
    await landed(computer.page, user, 'duo_push');
    budget.assertWithin('L1');
  });

  it('is turned down by mistake, sent again and approved', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await phone.waitRequest();
    await phone.deny('my mistake');
    assert.equal(await phone.outcome(), 'denied');
    await page.getByRole('heading', { name: 'You said no on your phone' }).waitFor();
    await phone.home();
    await again(page).click();
    await page.getByRole('heading', { name: 'Check your phone' }).waitFor();
    await answer(page, phone);
    await landed(page, user);
  });

  it('is reported with "not me": nobody is let in, and the log says fraud', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await phone.waitRequest();
    await phone.deny('not me');
    assert.equal(await phone.outcome(), 'reported');
    await page.getByRole('heading', { name: 'Reported. Nobody was let in' }).waitFor();
    assert.equal(await again(page).count(), 0);
    const log = JSON.stringify(await stage.demo.cli('log', 'auth', '--user', user));
    assert.match(log, /user_marked_fraud/);
  });

  it('is denied by a wrong number', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    const shown = await number(page);
    await phone.waitRequest();
    await phone.typeNumber(shown === '111' ? '222' : '111');
    assert.equal(await phone.outcome(), 'wrong_number');
    await page.getByRole('heading', { name: 'That was a different number' }).waitFor();
    await phone.home();
    await again(page).click();
    await page.getByRole('heading', { name: 'Check your phone' }).waitFor();
    await answer(page, phone);
    await landed(page, user);
  });

  it('is refused after five that nobody confirmed, until a code proves the person', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    const code = await phone.code();
    await phone.page.close(); // nobody answers
    await signIn(page, app, user);
    for (let i = 0; i < 4; i++) {
      await screen(page, 'push');
      const before = await page.locator('#push').getAttribute('data-version');
      await again(page).click();
      await page.locator(`#push:not([data-version="${before}"])`).waitFor();
    }
    await again(page).click();
    await page.getByRole('heading', { name: /paused|Two requests/ }).waitFor();
    await typeCode(page, code);
    await landed(page, user, 'duo_mobile_passcode');
    await signIn(page, app, user);
    await screen(page, 'code');
  });

  it('may be left for another way at any time, and taken up again', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await screen(page, 'ways');
    await page.getByRole('link', { name: /Code from the help desk/ }).waitFor();
    await page.getByRole('link', { name: 'Back to the open request' }).click();
    await screen(page, 'push');
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('needs no script on the computer', async () => {
    const { user, phone } = await stage.enrolled(app);
    const { page } = await stage.computer({ javaScriptEnabled: false });
    await phone.home();
    await signIn(page, app, user);
    const shown = await number(page);
    await phone.waitRequest();
    const wait = page.getByRole('button', { name: 'I have answered on my phone' }).click();
    await phone.typeNumber(shown);
    await wait;
    await landed(page, user, 'verified_duo_push');
  });
});

describe('a code', () => {
  it('from the app signs in, within the budget L4, and the same one does not do so again', async () => {
    const budget = new Budget();
    const { user, computer, phone } = await stage.enrolled(app, { phone: { budget } });
    const { page } = computer;
    await budget.watch(computer, 'browser');
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');

    await signIn(page, app, user); // the way used last comes first
    await screen(page, 'code');
    await phone.home();
    budget.reset({ from: 'code' });
    const code = await phone.code();
    await page.getByLabel('Code', { exact: true }).pressSequentially(code);
    enter(page);
    await landed(page, user);
    budget.assertWithin('L4');

    await signIn(page, app, user);
    await typeCode(page, ` ${code.slice(0, 3)}-${code.slice(3)} `);
    await page.getByRole('alert').getByText('That code did not work').waitFor();
    await screen(page, 'code');
  });

  it('from the app works while the phone is offline', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app, { phone: { allow: [/INTERNET_DISCONNECTED/] } });
    await phone.ready();
    await phone.offline();
    await phone.page.goto(new URL('app/', stage.url).href);
    const code = await phone.code();
    await phone.waitState('offline');
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, code);
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('from the help desk signs in once, and offers to set up the new phone', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    const { code } = await stage.demo.cli('user', 'bypass-code', user);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, code);
    await screen(page, 'recovered');
    await page.getByRole('button', { name: 'Set up your phone' }).click();
    await screen(page, 'pair');
    const fresh = await stage.phone();
    await fresh.pair(await page.locator('a[href*="/a/"]').first().getAttribute('href'));
    await page.waitForURL((url) => !url.pathname.endsWith('/pair'));
    await phone.home();
    await phone.waitState('gone');
    const other = await stage.computer();
    await signIn(other.page, app, user);
    await other.page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(other.page, code);
    await other.page.getByRole('alert').waitFor();
  });

  it('wrong ten times locks the person out until somebody unlocks', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    for (let i = 0; i < 10; i++) {
      await typeCode(page, String(100000 + i));
      await page.waitForFunction(() => !document.querySelector('#code')?.value); // the page that answers has an empty field, or none
    }
    await page.getByRole('heading', { name: /Sign-in is paused until/ }).waitFor();
    await signIn(page, app, user);
    await page.getByRole('heading', { name: /Sign-in is paused until/ }).waitFor();
    assert.equal(await phone.hasRequest(), false);
    await stage.demo.cli('user', 'unlock', user);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('needs no mouse, and no script', async () => {
    const { user, phone } = await stage.enrolled(app);
    for (const javaScriptEnabled of [true, false]) {
      const { page } = await stage.computer({ javaScriptEnabled });
      await signIn(page, app, user);
      const code = await phone.code();
      if (await page.locator('body[data-screen=push]').count()) {
        await tabTo(page, 'Use a code');
        enter(page);
        await screen(page, 'code');
      }
      await page.locator('#code:focus').waitFor();
      await page.keyboard.type(code);
      enter(page);
      await landed(page, user, 'duo_mobile_passcode');
    }
  });
});

describe('the prompt refuses', () => {
  const refused = async (page, heading) => {
    await screen(page, 'refused');
    await page.getByRole('heading', { name: heading }).waitFor();
    await page.getByText('Reference for the help desk').waitFor();
  };

  it('a disabled account, and says who can help', async () => {
    const { user, computer: { page } } = await stage.enrolled(app);
    await stage.demo.cli('user', 'set', user, '--status', 'disabled');
    await signIn(page, app, user);
    await refused(page, 'Your account is switched off');
  });

  it('a person nobody knows, where new people may not come in', async () => {
    const closed = await stage.application('--new-user', 'deny');
    const { page } = await stage.computer();
    await signIn(page, closed, stage.person('stranger'));
    await refused(page, 'You are not set up yet');
  });

  it('requests where only codes are allowed, and shows the code field at once', async () => {
    const codes = await stage.application('--methods', 'passcode');
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await signIn(page, codes, user);
    await screen(page, 'code');
    assert.equal(await page.getByRole('button', { name: /^Ask / }).count(), 0);
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('nobody whose account passes freely', async () => {
    const user = stage.person('free');
    await stage.demo.cli('user', 'add', user, '--status', 'bypass');
    const { page } = await stage.computer();
    await signIn(page, app, user);
    await landed(page, user);
  });
});
