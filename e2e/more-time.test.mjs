// A page says a minute before that it closes, and gives more time to whoever asks (WCAG 2.2.1). The browser's clock is
// moved, the server's is not.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { at, FramedApplication, opened } from './lib/framed.mjs';
import { enter, landed, screen, signIn, Stage, tabTo, typeCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

// stopped stops the clock of a window's pages, so that time passes by the test's word alone.
async function stopped(page) {
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1000);
}

const said = (page) => page.locator('#say').textContent();

describe('the end of a page', () => {
  it('is told a minute before, without taking the cursor, and put off with the keyboard; what was typed stays', async () => {
    const { user, phone } = await stage.enrolled(app);
    const { page } = await stage.computer();
    await stopped(page);
    await signIn(page, app, user);
    await screen(page, 'push');
    await page.getByRole('link', { name: 'Use a code' }).click();
    await screen(page, 'code');
    await page.getByLabel('Code', { exact: true }).fill('12');
    const note = page.locator('#ending');
    assert.equal(await note.isVisible(), false);
    await page.clock.fastForward('09:02');
    await note.waitFor();
    assert.match(await said(page), /closes in one minute.*Keep going/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'code');
    await assertAccessible(page, { name: 'a page about to close' });
    await page.clock.fastForward('00:40');
    await page.waitForFunction(() => /20 seconds/.test(document.getElementById('say').textContent));
    await tabTo(page, 'Keep going');
    enter(page);
    await note.waitFor({ state: 'hidden' });
    assert.match(await said(page), /You have time until \d\d:\d\d\./);
    assert.equal(await page.getByLabel('Code', { exact: true }).inputValue(), '12');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');

    await page.clock.fastForward('09:30');
    await note.waitFor();
    await page.clock.fastForward('01:00'); // the server knows better, and shows the page again
    await page.waitForFunction(() => document.getElementById('code')?.value === '');
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('is no longer told when the server has shown the page again in its place', async () => {
    const { user, phone } = await stage.enrolled(app);
    const { page } = await stage.computer();
    await stopped(page);
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await screen(page, 'code');
    await page.clock.fastForward('09:02');
    await page.locator('#ending').waitFor();
    await typeCode(page, '000000');
    await page.locator('#code-error').waitFor();
    await page.locator('#ending').waitFor({ state: 'hidden' });
    await typeCode(page, await phone.code());
    await landed(page, user, 'duo_mobile_passcode');
  });

  it('stands on the page of a browser without scripts, with a form that gives more time and comes back', async () => {
    const { user } = await stage.enrolled(app);
    const { page } = await stage.computer({ javaScriptEnabled: false });
    await signIn(page, app, user);
    await page.getByRole('link', { name: 'Other ways to sign in' }).click();
    await screen(page, 'ways');
    const here = page.url();
    const line = page.getByRole('region', { name: 'Time' }).getByText(/This page closes at \d\d:\d\d:\d\d\./);
    const before = await line.textContent();
    await page.waitForTimeout(1100); // a second later on the server's clock
    await page.getByRole('button', { name: 'Keep going' }).click();
    await screen(page, 'ways');
    assert.equal(page.url(), here);
    assert.notEqual(await line.textContent(), before);
  });

  it('is told in the list of devices, too, and what was typed stays', async () => {
    const { user, phone } = await stage.enrolled(app);
    const { page } = await stage.computer();
    await stopped(page);
    await signIn(page, app, user);
    await screen(page, 'push');
    await page.goto(page.url() + '/devices');
    await page.getByRole('link', { name: /Code from the app/ }).click();
    await typeCode(page, await phone.code());
    await screen(page, 'devices');
    await page.getByRole('link', { name: /^Rename/ }).click();
    await screen(page, 'device-rename');
    await page.getByLabel('New name').fill('Work ph');
    await page.clock.fastForward('14:05');
    await page.locator('#ending').waitFor();
    assert.match(await said(page), /closes in one minute.*Keep going/);
    await assertAccessible(page, { name: 'the list about to close' });
    await tabTo(page, 'Keep going');
    enter(page);
    await page.locator('#ending').waitFor({ state: 'hidden' });
    assert.equal(await page.getByLabel('New name').inputValue(), 'Work ph');
  });

  it('is told in the frame of an application, too', async () => {
    const framed = await FramedApplication.start(stage.demo, 'Closing');
    try {
      const { user } = await stage.enrolled(app);
      const window = await stage.computer();
      await stopped(window.page);
      const frame = await opened(window, framed, user);
      await at(frame, 'frame-prompt');
      await window.page.clock.fastForward('09:10');
      await frame.locator('#ending').waitFor();
      await frame.getByRole('button', { name: 'Keep going' }).click();
      await frame.locator('#ending').waitFor({ state: 'hidden' });
      await at(frame, 'frame-prompt');
    } finally {
      await framed.close();
    }
  });
});
