// Trains and lifts: the connection breaks in the middle of a step, or the app is closed there. Nothing is lost, the page
// says what is the matter, and the step goes on.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { answer, landed, number, pairingLink, screen, signIn, Stage, typeCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

const broken = { allow: [/^request failed/] };

// deaf has the server do what an address asks for and the answer get lost, once; it gives a promise of that moment.
function deaf(page, pattern) {
  return new Promise((heard) => page.route(pattern, async (route) => {
    await route.fetch();
    await route.abort('connectionreset');
    heard();
  }, { times: 1 }));
}

describe('a connection that breaks', () => {
  it('while a phone is set up leaves it set up once, at the second try', async () => {
    const { page } = await stage.computer();
    const phone = await stage.phone(broken);
    const user = stage.person();
    await signIn(page, app, user);
    await phone.page.goto(await pairingLink(page));
    const lost = deaf(phone.page, '**/phone/v1/activations');
    await phone.page.locator('[data-test=pair-button]').tap();
    await lost;
    await phone.page.getByText('No connection to the server').waitFor();
    await phone.setUp();
    await answer(page, phone);
    await landed(page, user);
    assert.equal((await stage.demo.cli('user', 'show', user)).phones.length, 1);
    assert.match(await phone.code(), /^\d{6}$/);
  });

  it('keeps the page and the code that was typed, says so, and takes it when it is back', async () => {
    const { user, phone } = await stage.enrolled(app);
    const window = await stage.computer(broken);
    const { page, context } = window;
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await screen(page, 'code');
    const code = await phone.code();
    await context.setOffline(true);
    await typeCode(page, code);
    const trouble = page.getByRole('alert').filter({ hasText: 'No connection to the server' });
    await trouble.waitFor();
    assert.equal(await page.getByLabel('Code', { exact: true }).inputValue(), code);
    await assertAccessible(page, { name: 'no connection' });
    await context.setOffline(false);
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await landed(page, user);
  });

  it('after the server took the code does not ask for another one', async () => {
    const { user, phone } = await stage.enrolled(app);
    const { page } = await stage.computer(broken);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await screen(page, 'code');
    const code = await phone.code();
    const lost = deaf(page, '**/code');
    await typeCode(page, code);
    await lost;
    await page.getByRole('alert').filter({ hasText: 'No connection' }).waitFor();
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await landed(page, user);
  });

  it('while the page waits for the phone is said, and the page goes on by itself', async () => {
    const { user, phone } = await stage.enrolled(app);
    await phone.home();
    const { page, context } = await stage.computer(broken);
    await signIn(page, app, user);
    await number(page);
    await context.setOffline(true);
    const trouble = page.getByRole('alert').filter({ hasText: 'No connection to the server' });
    await trouble.waitFor();
    await answer(page, phone);
    await context.setOffline(false);
    await landed(page, user);
  });

  it('after the phone said yes shows on the phone where to look', async () => {
    const { user, computer, phone } = await stage.enrolled(app, { phone: broken });
    await phone.home();
    await signIn(computer.page, app, user);
    const digits = await number(computer.page);
    await phone.waitRequest();
    const lost = deaf(phone.page, '**/answer');
    await phone.armed();
    for (const d of digits) await phone.page.locator(`[data-test=pad-${d}]`).tap();
    await lost;
    await landed(computer.page, user);
    const again = phone.page.locator('[data-test=approve]');
    await again.or(phone.page.getByText('Look at your other screen')).first().waitFor();
    if (await again.isVisible()) await again.tap();
    await phone.page.getByText('Look at your other screen').waitFor();
  });
});

describe('a phone app that is closed', () => {
  it('in the middle of the set-up goes on where it was', async () => {
    const { page } = await stage.computer();
    const phone = await stage.phone(broken);
    const user = stage.person();
    await signIn(page, app, user);
    const link = await pairingLink(page);
    await phone.page.goto(link);
    const lost = deaf(phone.page, '**/phone/v1/activations');
    await phone.page.locator('[data-test=pair-button]').tap();
    await lost;
    await phone.page.goto('about:blank');
    await phone.pair(link);
    await answer(page, phone);
    await landed(page, user);
  });

  it('over the question why not sends a plain no', async () => {
    const { user, computer, phone } = await stage.enrolled(app, { phone: broken });
    await phone.home();
    await signIn(computer.page, app, user);
    await number(computer.page);
    await phone.waitRequest();
    await phone.armed();
    await phone.page.locator('[data-test=deny]').tap();
    await phone.page.locator('body[data-screen=deny]').waitFor();
    await phone.page.goto('about:blank');
    await computer.page.getByRole('heading', { name: 'You said no' }).waitFor();
  });
});
