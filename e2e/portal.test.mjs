// People look after their own phones.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Budget } from './lib/budget.mjs';
import { answer, enter, landed, noSelfService, pairingLink, screen, signIn, Stage, tabTo, typeCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

// prove opens "Manage devices" from the sign-in and proves it with the phone.
async function manage(page, phone, user) {
  await phone.home();
  await signIn(page, app, user);
  await page.getByRole('link', { name: 'Other ways to sign in' }).click();
  await page.getByRole('link', { name: 'Manage devices' }).click();
  await screen(page, 'verify');
  await page.getByRole('button', { name: /^Ask / }).first().click();
  await answer(page, phone);
  await screen(page, 'devices');
}

const add = async (page, options) => {
  await page.getByRole('button', { name: 'Add a device' }).click();
  await screen(page, 'pair');
  const phone = await stage.phone(options);
  await phone.pair(await pairingLink(page));
  await page.getByText('You can sign in with it now').waitFor();
  return phone;
};

describe('my devices', () => {
  it('opens after a proof on the phone; a second phone is added, renamed and removed; a mail tells of each change', async () => {
    const { user, computer, phone } = await stage.enrolled(app, { known: true });
    const { page } = computer;
    const budget = new Budget();
    await budget.watch(computer, 'browser');
    await manage(page, phone, user);
    await page.getByText('You have only one way in').waitFor();
    const second = await add(page);
    await stage.mail(user, /added/i);

    const cards = page.locator('li.device');
    assert.equal(await cards.count(), 2);
    await page.locator('li.device.fresh').getByRole('link', { name: /^Rename/ }).click();
    await page.getByLabel('New name').fill('Spare <b>phone</b>');
    await page.getByRole('button', { name: 'Save name' }).click();
    await page.getByText('Saved. The device is now called Spare <b>phone</b>.').waitFor();

    budget.reset({ from: 'devices' });
    await cards.filter({ hasText: 'Spare' }).getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('heading', { name: 'Remove Spare <b>phone</b>?' }).waitFor();
    await page.getByRole('button', { name: 'Remove device' }).click();
    await page.getByText('was removed. It can no longer confirm').or(page.locator('.note.ok')).first().waitFor();
    budget.assertWithin('M1');
    assert.equal(await cards.count(), 1);
    await stage.mail(user, /removed/i);
    await second.home();
    await second.waitState('gone');

    await page.getByRole('link', { name: /^Continue to Payroll/ }).click();
    await landed(page, user, 'verified_duo_push'); // one proof, not two
  });

  it('takes no phone twice: the app says that it is set up already, and the code serves another one', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app, { known: true });
    await manage(page, phone, user);
    await page.getByRole('button', { name: 'Add a device' }).click();
    await screen(page, 'pair');
    await page.getByText('Use a device that is not on your list yet').waitFor();
    const link = await pairingLink(page);
    assert.match(await phone.refusedPairing(link), /set up for you already.*another phone, a tablet, or a browser/);
    const second = await stage.phone();
    await second.pair(link);
    await page.getByText('You can sign in with it now').waitFor();
    assert.equal(await page.locator('li.device').count(), 2);
  });

  it('opens with a code from the app, too, and does not lose the only phone', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await page.getByRole('link', { name: 'Manage devices' }).click();
    await page.getByRole('link', { name: /Code from the app/ }).click();
    await typeCode(page, await phone.code());
    await screen(page, 'devices');
    await page.getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('heading', { name: /is your only way in/ }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Remove device' }).count(), 0);
    await page.getByRole('button', { name: 'Set up another phone' }).click();
    await screen(page, 'pair');
    const fresh = await stage.phone();
    await fresh.pair(await pairingLink(page));
    await page.getByText('The old one is switched off').waitFor();
    await phone.home();
    await phone.waitState('gone');
    await phone.page.getByText('Another phone took the place of this one.').waitFor();
    await phone.page.getByText('Nothing to do, unless it was not you.').waitFor();
    assert.equal(await phone.page.locator('[data-test=reconnect]').count(), 0);
    await phone.page.locator('[data-test=card-delete]').tap();
    await phone.page.locator('[data-test=delete-confirm]').tap();
    await phone.page.getByText('No account on this phone yet').waitFor();
  });

  it('opens with a code from the help desk for one new phone, and no more', async () => {
    const { user, computer: { page } } = await stage.enrolled(app);
    const { code } = await stage.demo.cli('user', 'bypass-code', user);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'I have a new phone' }).click();
    await screen(page, 'verify');
    await page.getByRole('link', { name: /Code from the help desk/ }).click();
    await typeCode(page, code);
    await screen(page, 'pair');
    const fresh = await stage.phone();
    await fresh.pair(await pairingLink(page));
    await page.waitForURL((url) => !url.pathname.endsWith('/pair'));
    await page.goto(new URL('my', stage.url).href);
    assert.equal(await page.getByRole('button', { name: 'Add a device' }).count(), 0);
  });

  it('is left alone by someone without the session, and by a form from elsewhere', async () => {
    const { page } = await stage.computer();
    const answer = await page.goto(new URL('my', stage.url).href);
    assert.equal(answer.status() < 500, true);
    await page.getByRole('heading', { name: 'Sign in to see your devices' }).waitFor();
    const post = await page.request.post(new URL('my/add', stage.url).href, { form: {} });
    assert.ok([401, 403, 404, 410].includes(post.status()), String(post.status()));
  });

  it('does not exist where the organization looks after phones itself', async () => {
    const off = await stage.application(noSelfService);
    const { user, computer: { page } } = await stage.enrolled(app);
    await signIn(page, off, user);
    await screen(page, 'push');
    const here = page.url();
    assert.equal(await page.getByRole('link', { name: 'I have a new phone' }).count(), 0);
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await screen(page, 'ways');
    assert.equal(await page.getByRole('link', { name: 'Manage devices' }).count(), 0);
    for (const path of ['/devices', '/new-phone']) {
      await page.goto(here + path);
      await page.getByRole('heading', { name: 'Not available here' }).waitFor();
    }
  });

  it('renames and removes without script', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await manage(page, phone, user);
    await add(page);
    const plain = await stage.computer({ javaScriptEnabled: false, storageState: await page.context().storageState() });
    await plain.page.goto(new URL('my', stage.url).href);
    await plain.page.getByRole('link', { name: /^Rename/ }).last().click();
    await plain.page.getByLabel('New name').fill('Kitchen tablet');
    await plain.page.getByRole('button', { name: 'Save name' }).click();
    await plain.page.getByText('now called Kitchen tablet').waitFor();
    await plain.page.locator('li.device').filter({ hasText: 'Kitchen tablet' }).getByRole('link', { name: /^Remove/ }).click();
    await plain.page.getByRole('button', { name: 'Remove device' }).click();
    await screen(plain.page, 'devices');
    assert.equal(await plain.page.locator('li.device').count(), 1);
  });

  it('ends with the device that proved, and says so before', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await manage(page, phone, user);
    await add(page);
    await page.getByRole('link', { name: /^Remove/ }).first().click();
    await page.getByText('You signed in with this device.').waitFor();
    await page.getByRole('button', { name: 'Remove device' }).click();
    await page.getByRole('heading', { name: 'Sign in once more' }).waitFor();
    await page.goto(new URL('my', stage.url).href);
    assert.equal(await page.locator('li.device').count(), 0);
  });

  it('renames and removes without a mouse', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await manage(page, phone, user);
    await add(page);
    const spare = await page.getByRole('link', { name: /^Rename/ }).last().innerText();
    await tabTo(page, spare.replace(/\s+/g, ' ').trim());
    enter(page);
    await screen(page, 'device-rename');
    await page.locator('#name:focus').waitFor();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Desk phone');
    enter(page);
    await page.getByText('now called Desk phone').waitFor();
    await tabTo(page, /^Remove – Desk phone/);
    enter(page);
    await screen(page, 'device-remove');
    await tabTo(page, 'Remove device');
    enter(page);
    await screen(page, 'devices');
    assert.equal(await page.locator('li.device').count(), 1);
  });
});

describe('a new phone', () => {
  it('is set up from the first page of the sign-in, within the budget R1, and the way on is the application', async () => {
    const budget = new Budget();
    const { user, computer, phone } = await stage.enrolled(app, { known: true });
    const { page } = computer;
    await budget.watch(computer, 'browser');
    await phone.home();
    await signIn(page, app, user);
    await screen(page, 'push');
    budget.reset({ from: 'push' });
    const fresh = await stage.phone({ budget });
    await page.getByRole('link', { name: 'I have a new phone' }).click();
    await screen(page, 'verify');
    await page.getByRole('button', { name: /^Ask / }).first().click();
    await answer(page, phone);
    await screen(page, 'pair');
    await page.getByRole('heading', { name: 'Set up your new phone' }).waitFor();
    await fresh.pair(await pairingLink(page));
    await page.getByText('The old one is switched off').waitFor();
    await page.getByRole('link', { name: /^Continue to / }).click();
    await landed(page, user);
    budget.assertWithin('R1', { fields: 1 }); // the number on the other way at hand
    await phone.home();
    await phone.waitState('gone');
    await stage.mail(user, /new phone|replaced|set up/i);

    await fresh.home();
    await signIn(page, app, user);
    await answer(page, fresh);
    await landed(page, user);
  });
});
