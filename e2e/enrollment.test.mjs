// A person without a phone signs in, sets one up on the way, and lands in the application.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Budget } from './lib/budget.mjs';
import { answer, atSample, enter, landed, number, pairingLink, screen, signIn, Stage, tabTo, typedCode } from './lib/journey.mjs';

const folder = mkdtempSync(join(tmpdir(), 'countersign-camera-'));
const film = join(folder, 'camera.mjpeg');

let stage;
before(async () => {
  stage = await Stage.open({ chromium: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-video-capture=${film}`] });
});
afterEach(() => stage.tidy());
after(async () => {
  await stage?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('someone without a phone', () => {
  it('pairs one from the sign-in page, approves the first request and is in; the next sign-in is one answer', async () => {
    const { page } = await stage.computer();
    const phone = await stage.phone();
    await atSample(page, stage, 'cy');
    await screen(page, 'enroll');
    await page.getByRole('heading', { name: 'Add your phone' }).waitFor();
    await page.getByText('Waiting for your phone.').waitFor();
    await phone.pair(await pairingLink(page));
    await page.getByRole('heading', { name: 'Try it: answer on your phone' }).waitFor();
    const asked = await phone.waitRequest();
    assert.match(asked, /Sign in to Payroll of Northfield University\?/);
    assert.match(asked, /cy, Northfield University/);
    await answer(page, phone);
    await screen(page, 'spare');
    await page.getByRole('button', { name: /^Later \(/ }).click();
    await page.getByRole('heading', { name: 'Your payslips' }).waitFor();
    assert.match(await page.locator('#signed-in').textContent(), /^Signed in as cy /);

    await phone.home();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await atSample(page, stage, 'cy');
    await page.getByRole('heading', { name: 'Check your phone' }).waitFor();
    await answer(page, phone);
    await page.getByRole('heading', { name: 'Your payslips' }).waitFor();
  });

  it('takes no more screens, clicks and taps than the budget E2 allows', async () => {
    for (const [flags, plus] of [[['--number-entry', 'off'], {}], [[], { fields: 1 }]]) { // the number is a field of its own (RULE-9)
      const app = await stage.application(...flags, '--spare', 'remind');
      const user = stage.person('budget');
      const budget = new Budget();
      const [computer, phone] = [await stage.computer(), await stage.phone({ budget })];
      await budget.watch(computer, 'browser');
      await signIn(computer.page, app, user);
      await phone.pair(await pairingLink(computer.page));
      await answer(computer.page, phone);
      await computer.page.getByRole('button', { name: /^Later/ }).click();
      await landed(computer.page, user);
      budget.assertWithin('E2', plus);
    }
  });

  it('types the code that stands beside the picture', async () => {
    const app = await stage.application();
    const user = stage.person('types');
    const { page } = await stage.computer();
    const phone = await stage.phone();
    await signIn(page, app, user);
    const code = await typedCode(page);
    assert.match(code, /^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    await phone.pairByCode(new URL('app/', stage.url).href, code.toLowerCase().replace('-', ' '));
    await answer(page, phone);
    await landed(page, user, 'verified_duo_push');
  });

  it('opens the link that was mailed, from the mail', async () => {
    const app = await stage.application();
    const user = stage.person('mails');
    const { page } = await stage.computer();
    const phone = await stage.phone();
    await signIn(page, app, user);
    await page.getByText('Mail me the link').click();
    await page.getByLabel('Mail address').fill('not an address@');
    await page.locator('form[action$="/mail"]').evaluate((form) => { form.noValidate = true; });
    await page.getByRole('button', { name: 'Send link' }).click();
    await page.getByText('That does not look like a mail address').waitFor();
    await page.getByLabel('Mail address').fill(`${user}@home.example`);
    await page.getByRole('button', { name: 'Send link' }).click();
    await page.getByText('Sent to m…@home.example.').waitFor();
    await stage.mail(`${user}@home.example`);
    await phone.page.goto(stage.demo.info.inbox_url);
    await phone.page.locator('main a[href^="/demo/inbox/"]').first().tap();
    await phone.page.locator('main a[href*="/a/"]').first().tap();
    await phone.setUp();
    await answer(page, phone);
    await landed(page, user);
    const shown = await stage.demo.cli('user', 'show', user);
    assert.equal(shown.email ?? '', '', 'the address is not kept');
  });

  it('scans the picture with the camera of the app', async () => {
    const app = await stage.application();
    const user = stage.person('scans');
    const computer = await stage.computer();
    const phone = await stage.phone({ permissions: ['camera'] });
    await signIn(computer.page, app, user);
    const box = await computer.page.getByRole('img', { name: /Picture to scan/ }).boundingBox();
    const clip = { x: Math.max(0, Math.round(box.x + box.width / 2) - 160), y: Math.max(0, Math.round(box.y + box.height / 2) - 120), width: 320, height: 240 };
    const picture = await computer.page.screenshot({ clip, type: 'jpeg', quality: 90, scale: 'css' });
    writeFileSync(film, Buffer.concat(Array(5).fill(picture)));
    await phone.page.goto(new URL('app/', stage.url).href);
    await phone.page.getByRole('link', { name: 'Add account' }).tap();
    await phone.scan();
    await phone.setUp();
    await answer(computer.page, phone);
    await landed(computer.page, user);
  });

  it('needs no script on the computer', async () => {
    const app = await stage.application();
    const user = stage.person('plain');
    const { page } = await stage.computer({ javaScriptEnabled: false });
    const phone = await stage.phone();
    await signIn(page, app, user);
    await screen(page, 'enroll');
    await phone.pair(await page.locator('a[href*="/a/"]').first().getAttribute('href'));
    await page.getByRole('button', { name: 'I have done this on my phone' }).click();
    const shown = await number(page);
    const [, ] = await Promise.all([
      page.getByRole('button', { name: 'I have answered on my phone' }).click(),
      phone.waitRequest().then(() => phone.typeNumber(shown)),
    ]);
    await landed(page, user, 'verified_duo_push');
  });

  it('needs no mouse and no touch', async () => {
    const app = await stage.application('--spare', 'remind');
    const user = stage.person('keys');
    const { page } = await stage.computer();
    const phone = await stage.phone({ touch: false });
    await signIn(page, app, user);
    await phone.page.goto(await pairingLink(page));
    await tabTo(phone.page, 'Set up this phone');
    enter(phone.page);
    await phone.waitRequest();
    const shown = await number(page);
    await phone.armed();
    await phone.page.keyboard.type(shown);
    assert.equal(await phone.outcome(), 'approved');
    await screen(page, 'spare');
    await tabTo(page, /^Later/);
    enter(page);
    await landed(page, user);
  });

  it('adds a spare phone at once when asked, and must where the organization wants two', async () => {
    for (const spare of ['remind', 'require']) {
      const app = await stage.application('--spare', spare);
      const user = stage.person('spare');
      const { page } = await stage.computer();
      const [first, second] = [await stage.phone(), await stage.phone()];
      await signIn(page, app, user);
      await first.pair(await pairingLink(page));
      await answer(page, first);
      await screen(page, 'spare');
      assert.equal(await page.getByRole('button', { name: /^(Later|Not now)/ }).count(), spare === 'remind' ? 1 : 0);
      await page.getByRole('button', { name: 'Add another phone or tablet' }).click();
      await screen(page, 'pair');
      await second.pair(await pairingLink(page));
      await landed(page, user);
      assert.equal((await stage.demo.cli('user', 'show', user)).phones.length, 2);
    }
  });
});
