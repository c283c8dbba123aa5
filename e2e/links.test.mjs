// Links that were used, have ended, or belong to somebody else, and the browser's own Back button.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { answer, landed, number, pairingLink, screen, signIn, Stage, typedCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

describe('a pairing link', () => {
  it('that was used is refused to a second phone, by link and by typed code', async () => {
    const user = stage.person('twice');
    const { page } = await stage.computer();
    const [first, second] = [await stage.phone(), await stage.phone()];
    await signIn(page, app, user);
    const [link, code] = [await pairingLink(page), await typedCode(page)];
    await first.pair(link);
    assert.match(await second.refusedPairing(link), /was used already/);
    assert.match(await second.refusedPairing(new URL(`app/#/pair/${code.replace('-', '')}`, stage.url).href), /was used already/);
    await answer(page, first);
    await landed(page, user);
    assert.equal((await stage.demo.cli('user', 'show', user)).phones.length, 1);
  });

  it('can be opened by many and is taken by the first who sets up', async () => {
    const user = stage.person('many');
    const { page } = await stage.computer();
    const phones = [await stage.phone(), await stage.phone()];
    await signIn(page, app, user);
    const link = await pairingLink(page);
    for (const phone of phones) await phone.page.goto(link);
    await phones[1].setUp();
    await phones[0].page.locator('[data-test=pair-button]').tap();
    await phones[0].page.getByText('was used already').waitFor();
    await answer(page, phones[1]);
    await landed(page, user);
  });

  it('ends when the page that showed it has led to a phone by another', async () => {
    const user = stage.person('other');
    const { page } = await stage.computer();
    const [first, second] = [await stage.phone(), await stage.phone()];
    await signIn(page, app, user);
    const link = await pairingLink(page);
    await page.getByText('Mail me the link').click();
    await page.getByLabel('Mail address').fill(`${user}@home.example`);
    await page.getByRole('button', { name: 'Send link' }).click();
    const mail = await stage.mail(`${user}@home.example`);
    await first.pair(/https?:\S+\/a\/[\w-]+/.exec(mail.text)[0]);
    await answer(page, first);
    assert.match(await second.refusedPairing(link), /was used already|has ended|do not know/);
  });

  it('nobody knows is refused in words', async () => {
    const phone = await stage.phone();
    assert.match(await phone.refusedPairing(new URL('a/AAAAAAAAAAAAAAAAAAAAAA', stage.url).href), /has ended|do not know/);
  });
});

describe('an enrollment link', () => {
  it('sets up the first phone of somebody who was invited, once', async () => {
    const user = stage.person('invited');
    await stage.demo.cli('user', 'add', user, '--email', `${user}@northfield.example`);
    const { link } = await stage.demo.cli('user', 'enroll', user);
    const { page } = await stage.computer();
    const phone = await stage.phone();
    await page.goto(link);
    await screen(page, 'invitation');
    await page.getByText(user).waitFor();
    await page.reload(); // opening it changes nothing: mail scanners open links, too
    await page.getByRole('main').getByRole('button').click();
    await screen(page, 'enroll');
    await phone.pair(await pairingLink(page));
    await answer(page, phone);
    await page.getByRole('button', { name: /^Later/ }).click();
    await screen(page, 'enrolled');
    await page.goto(link);
    await page.getByRole('heading', { name: /This link was used/ }).waitFor();
    await page.getByText('Your phone is set up already. You can close this page.').waitFor();
    await phone.home();
    await signIn(page, app, user);
    await answer(page, phone);
    await landed(page, user);
  });

  it('ends for good when its person is set up by another', async () => {
    const user = stage.person('invited');
    await stage.demo.cli('user', 'add', user);
    const { link: old } = await stage.demo.cli('user', 'enroll', user);
    await stage.enrolled(app, { user });
    const { page } = await stage.computer();
    await page.goto(old);
    await page.getByRole('heading', { name: /This link (does not work|was used)/ }).waitFor();
  });
});

describe('the address of a sign-in', () => {
  it('leads nowhere without its cookie, and after its end', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await screen(page, 'push');
    const address = page.url();
    const other = await stage.computer();
    await other.page.goto(address);
    await other.page.getByRole('heading', { name: /Cookies are blocked|This sign-in has ended/ }).waitFor();
    await answer(page, phone);
    await landed(page, user);
    await page.goto(address);
    await page.getByRole('heading', { name: /Already signed in|Cookies are blocked|has ended/ }).waitFor();
    await other.page.goto(new URL('prompt/AAAAAAAAAAAAAAAAAAAAAA', stage.url).href);
    await other.page.getByRole('heading', { name: /has ended|Cookies are blocked/ }).waitFor();
  });

  it('is of no use with the cookie of another sign-in (AC-017)', async () => {
    const mallory = stage.person('mallory');
    const { user, phone } = await stage.enrolled(app);
    const [victim, thief] = [await stage.computer(), await stage.computer()];
    await phone.home();
    await signIn(thief.page, app, mallory);
    await screen(thief.page, 'enroll');
    await signIn(victim.page, app, user);
    await screen(victim.page, 'push');
    const [mine, theirs] = [await thief.context.cookies(), new URL(victim.page.url())];
    const id = (url) => new URL(url).pathname.split('/')[2];
    // The thief's own secret under the name the victim's sign-in asks for.
    await thief.context.addCookies(mine.map((c) => ({ ...c, name: c.name.replace(id(thief.page.url()), id(theirs.href)) })));
    await thief.page.goto(theirs.href);
    await thief.page.getByRole('heading', { name: /Cookies are blocked|has ended/ }).waitFor();
    await answer(victim.page, phone);
    await landed(victim.page, user);
  });

  it('does not sign in again with the Back button', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await answer(page, phone);
    await landed(page, user);
    await phone.home();
    await page.goBack();
    await page.waitForLoadState();
    assert.equal(await page.locator('body[data-screen=push], body[data-screen=code]').count(), 0);
    assert.equal(await phone.hasRequest(), false);
  });

  it('may be opened in two windows, and lets in at most once', async () => {
    const { user, computer, phone } = await stage.enrolled(app, { computer: { allow: [/^answer 502.*callback/] } }); // the application's own no
    await phone.home();
    await signIn(computer.page, app, user);
    await screen(computer.page, 'push');
    const twin = await computer.context.newPage();
    await twin.goto(computer.page.url());
    assert.equal(await number(twin), await number(computer.page));
    await answer(computer.page, phone);
    const outcomes = await Promise.all([computer.page, twin].map(async (page) => {
      const heading = page.getByRole('heading', { name: /^(Signed in|Not signed in|Already signed in|This sign-in has ended|Cookies are blocked)$/ });
      await heading.waitFor();
      return heading.textContent();
    }));
    assert.ok(outcomes.filter((o) => o === 'Signed in').length <= 1, outcomes.join(', '));
  });
});
