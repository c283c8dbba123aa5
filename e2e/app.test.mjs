// The phone app beside requests and codes: several accounts in an order of the person's own, and the way back when its
// key is dead.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { answer, enter, landed, pairingLink, screen, signIn, Stage, tabTo } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

const names = (phone) => phone.page.locator('[data-test="account-card"] .grow p').allTextContents();

describe('the accounts of a phone', () => {
  it('are put in order by buttons, which stay when the app is opened again', async () => {
    const { user: first, phone } = await stage.enrolled(app);
    const second = stage.person();
    const { page } = await stage.computer();
    await signIn(page, app, second);
    await phone.pair(await pairingLink(page));
    await answer(page, phone);
    await landed(page, second);
    await phone.home();
    const inOrder = async (...users) => {
      await phone.page.locator('[data-test="account-card"]').nth(users.length - 1).waitFor();
      const found = await names(phone);
      assert.deepEqual(found.map((text) => text.split(' ')[0]), users);
    };
    await inOrder(first, second);
    await phone.page.locator('[data-test="account-menu"]').nth(1).tap();
    await phone.page.getByText('This account is number 2 of 2.').waitFor();
    assert.equal(await phone.page.getByRole('button', { name: 'Move down' }).isDisabled(), true);
    await assertAccessible(phone.page, { name: 'app: an account among several' });
    await tabTo(phone.page, 'Move up');
    enter(phone.page);
    await phone.page.getByText('This account is number 1 of 2.').first().waitFor();
    assert.equal(await phone.page.evaluate(() => document.activeElement.textContent), 'Move down'); // the button pressed is spent
    await phone.home();
    await inOrder(second, first);
    await phone.page.reload();
    await phone.page.locator('[data-test="account-card"]').first().waitFor();
    await inOrder(second, first);
    await phone.page.locator('[data-test="account-menu"]').first().tap();
    await phone.page.getByRole('button', { name: 'Move down' }).tap();
    await phone.page.getByText('This account is number 2 of 2.').first().waitFor();
    await phone.home();
    await inOrder(first, second);
  });
});

describe('a change of devices', () => {
  it('is asked about on the other phone, once, and reported when it was somebody else', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app, { known: true });
    await phone.home();
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await page.getByRole('link', { name: 'Manage devices' }).click();
    await page.getByRole('button', { name: /^Ask / }).first().click();
    await answer(page, phone);
    await screen(page, 'devices');
    await page.getByRole('button', { name: 'Add a device' }).click();
    await screen(page, 'pair');
    const second = await stage.phone();
    await second.pair(await pairingLink(page));
    await page.getByText('You can sign in with it now').waitFor();
    const change = phone.page.locator('[data-test=change]');
    const opened = async () => {
      await phone.page.goto(new URL('app/', stage.url).href);
      await phone.page.locator('[data-test=state-chip]:not([data-state=connecting])').waitFor();
    };
    await opened();
    await change.waitFor();
    await phone.page.getByRole('heading', { name: /was added to your account$/ }).waitFor();
    await assertAccessible(phone.page, { name: 'app: a change is asked about' });
    await change.getByRole('button', { name: 'It was me' }).tap();
    await change.waitFor({ state: 'detached' });

    await page.locator('li.device.fresh').getByRole('link', { name: /^Remove/ }).click();
    await page.getByRole('button', { name: 'Remove device' }).click();
    await page.getByText('was removed. It can no longer confirm').or(page.locator('.note.ok')).first().waitFor();
    await second.page.getByText('Not connected any more').waitFor();
    assert.equal(await second.page.getByText('This phone is set up').count(), 0, 'it says so above the account that is gone');
    await opened();
    await phone.page.getByRole('heading', { name: /can no longer be used for your account$/ }).waitFor();
    await change.getByRole('button', { name: 'It was not me' }).tap();
    await phone.page.getByText('Reported. Call your help desk now.').waitFor();
    await change.waitFor({ state: 'detached' });
    await opened();
    assert.equal(await change.count(), 0);
    assert.match(JSON.stringify(await stage.demo.cli('log', 'admin')), /phone_change_reported/);
  });
});

describe('a phone whose key is dead', () => {
  it('leads to the application in which it was set up, unless another phone took its place', async () => {
    await stage.demo.cli('app', 'set', app.registration.client_id, '--redirect-uri', `${app.url}/callback`);
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    const lost = await stage.enrolled(app);
    await lost.phone.page.evaluate(() => new Promise((resolve, reject) => { // a browser may drop what it keeps
      indexedDB.open('countersign', 1).onsuccess = (opened) => {
        const change = opened.target.result.transaction('accounts', 'readwrite');
        const accounts = change.objectStore('accounts');
        accounts.getAll().onsuccess = (all) => { for (const { key, ...rest } of all.target.result) accounts.put(rest); };
        change.oncomplete = resolve;
        change.onerror = reject;
      };
    }));
    await lost.phone.home();
    await lost.phone.page.reload();
    await lost.phone.waitState('gone');
    const host = new URL(app.url).host;
    await lost.phone.page.getByText(`Sign in at ${host} and choose “I have a new phone”.`).waitFor();
    assert.equal(await lost.phone.page.getByRole('link', { name: 'Reconnect' }).getAttribute('href'), `http://${host}/`);

    await phone.home();
    await signIn(page, app, user);
    await screen(page, 'push');
    await page.getByRole('link', { name: 'I have a new phone' }).click();
    await page.getByRole('button', { name: /^Ask / }).first().click();
    await answer(page, phone);
    await screen(page, 'pair');
    const fresh = await stage.phone();
    await fresh.pair(await pairingLink(page));
    await page.getByRole('link', { name: /^Continue to / }).click();
    await landed(page, user);
    await phone.home();
    await phone.waitState('gone');
    await phone.page.getByText('Nothing to do, unless it was not you.').waitFor();
    assert.equal(await phone.page.getByRole('link', { name: 'Reconnect' }).count(), 0);
    await phone.page.getByRole('button', { name: 'Delete account' }).tap();
  });
});
