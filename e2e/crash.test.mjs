// The power goes in the middle of something. After the restart no code is good twice, no answer is lost and no half
// phone remains.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { answer, landed, number, pairingLink, screen, signIn, Stage, typeCode } from './lib/journey.mjs';

let stage, app;
// The browser and the phone meet a server that is away: that is the point here.
const away = { allow: [/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE|ERR_SOCKET|ERR_NETWORK|ERR_INTERNET|fetching the script/] };
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

describe('when the power goes', () => {
  it('after a code was taken, the same code does not sign in again', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app, { phone: away, computer: away });
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    const code = await phone.code();
    await typeCode(page, code);
    await landed(page, user);
    await stage.demo.restart();
    await signIn(page, app, user);
    await screen(page, 'code');
    await typeCode(page, code);
    await page.getByRole('alert').getByText('That code did not work').waitFor();
    await typeCode(page, await phone.code());
    await landed(page, user);
  });

  it('after the phone approved, the waiting page goes on when the server is back', async () => {
    const { user, computer, phone } = await stage.enrolled(app, { phone: away, computer: away });
    const { page } = computer;
    await phone.home();
    await page.route('**/status*', (route) => route.abort('internetdisconnected')); // the page hears of nothing
    await signIn(page, app, user);
    const shown = await number(page);
    await phone.waitRequest();
    await computer.context.setOffline(true);
    await phone.typeNumber(shown);
    assert.equal(await phone.outcome(), 'approved');
    await stage.demo.restart();
    await computer.context.setOffline(false);
    await page.unroute('**/status*');
    await landed(page, user, 'verified_duo_push');
  });

  it('while a request waits, it can still be answered', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app, { phone: away, computer: away });
    await phone.home();
    await signIn(page, app, user);
    const shown = await number(page);
    await phone.waitRequest();
    await stage.demo.restart();
    await phone.waitRequest();
    await phone.typeNumber(shown);
    assert.equal(await phone.outcome(), 'approved');
    await landed(page, user);
  });

  it('after a phone was paired, it is there whole; and before, not at all', async () => {
    const user = stage.person('pairs');
    const [computer, phone, other] = [await stage.computer(away), await stage.phone(away), await stage.phone(away)];
    const { page } = computer;
    await signIn(page, app, user);
    const link = await pairingLink(page);
    await phone.page.goto(link);
    await phone.page.locator('[data-test=pair-button]').waitFor();
    await stage.demo.restart();
    assert.deepEqual((await stage.demo.cli('user', 'list')).filter((u) => u.username === user), []);
    await phone.setUp();
    await phone.waitRequest();
    await stage.demo.restart();
    assert.match(await other.refusedPairing(link), /was used already/);
    assert.equal((await stage.demo.cli('user', 'show', user)).phones.length, 1);
    await page.goto(page.url().replace(/\/enroll$/, ''));
    await answer(page, phone);
    await landed(page, user);
  });
});
