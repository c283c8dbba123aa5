// A browser that is remembered is not asked again, and is asked all the same for what needs a proof.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { answer, enter, landed, screen, signIn, Stage, tabTo, typeCode } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application('--remember-days', '30');
});
afterEach(() => stage.tidy());
after(() => stage?.close());

const box = (page) => page.getByRole('checkbox', { name: 'Remember this browser for 30 days' });

// tick ticks the box while the request waits, and waits until the server knows.
async function tick(page) {
  const told = page.waitForResponse((response) => response.url().endsWith('/remember'));
  await box(page).check();
  assert.equal((await told).status(), 204);
}

describe('a remembered browser', () => {
  it('is chosen while the request waits, goes straight in, and proves itself before devices are managed', async () => {
    const { user, computer: { page, context }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await screen(page, 'push');
    assert.equal(await box(page).isChecked(), false);
    await tick(page);
    await answer(page, phone);
    await landed(page, user, 'verified_duo_push');

    await signIn(page, app, user);
    await landed(page, user, 'remembered_device');

    // The sign-in of a remembered browser shows no page of its own; its device page is asked for by address.
    const start = await context.request.get(await app.address(user), { maxRedirects: 0 });
    await page.goto(new URL(`${start.headers().location}/devices`, stage.url).href);
    await screen(page, 'verify');
    assert.equal(await box(page).count(), 0);

    const other = await stage.computer();
    await signIn(other.page, app, user);
    await screen(other.page, 'push');

    await stage.demo.cli('user', 'forget-browsers', user);
    await signIn(page, app, user);
    await screen(page, 'push');
  });

  it('is on the list of its person, who forgets it there, with the keyboard', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await signIn(page, app, user);
    await screen(page, 'push');
    await tick(page);
    await page.getByRole('link', { name: 'Use a code' }).click();
    await typeCode(page, await phone.code());
    await landed(page, user);
    const start = await page.context().request.get(await app.address(user), { maxRedirects: 0 });
    await page.goto(new URL(`${start.headers().location}/devices`, stage.url).href);
    await page.getByRole('link', { name: /Code from the app/ }).click();
    await typeCode(page, await phone.code());
    await screen(page, 'devices');
    const entry = page.getByRole('region', { name: 'Remembered browsers' }).getByRole('listitem');
    assert.match(await entry.innerText(), /(Chrom|HeadlessChrom)\w* on Linux This browser\s+For Payroll[^]*Since \d+ \w+, until \d+ \w+/);
    await assertAccessible(page, { name: 'remembered browsers' });
    await tabTo(page, /^Forget –/);
    enter(page);
    await page.getByText('That browser was forgotten.').waitFor();
    assert.equal(await entry.count(), 0);
    await signIn(page, app, user);
    await screen(page, 'code'); // the way used last
  });

  it('may be chosen with a code, also without a script', async () => {
    const { user, phone } = await stage.enrolled(app);
    for (const javaScriptEnabled of [true, false]) {
      const { page } = await stage.computer({ javaScriptEnabled });
      await signIn(page, app, user);
      const code = await phone.code();
      if (await page.locator('body[data-screen=push]').count()) await page.getByRole('link', { name: 'Use a code' }).click();
      await screen(page, 'code');
      await box(page).check();
      await typeCode(page, code);
      await landed(page, user, 'duo_mobile_passcode');
      await signIn(page, app, user);
      await landed(page, user, 'remembered_device');
    }
  });
});
