// Nobody answers for a whole minute. The life of a request is no setting, so this test really waits.
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { PATIENCE } from './lib/browser.mjs';
import { answer, landed, screen, signIn, Stage } from './lib/journey.mjs';

let stage, app;
before(async () => {
  stage = await Stage.open();
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(() => stage?.close());

it('a request that nobody answers ends after a minute on both screens, counts as no failure, and can be sent again', async () => {
  const { user, computer: { page }, phone } = await stage.enrolled(app);
  await phone.home();
  const began = Date.now();
  await signIn(page, app, user);
  await screen(page, 'push');
  await phone.waitRequest();
  await page.locator('#slow').waitFor({ state: 'hidden' }); // it was delivered, so nobody is told to open the app
  await page.getByRole('heading', { name: 'Nobody answered in time' }).waitFor({ timeout: 60_000 + PATIENCE });
  assert.ok(Date.now() - began >= 55_000, `after ${Date.now() - began} ms`);
  assert.equal(await phone.outcome(), 'expired');
  await phone.home();
  await page.getByRole('button', { name: 'Send again' }).click();
  await page.getByRole('heading', { name: 'Check your phone' }).waitFor();
  await answer(page, phone);
  await landed(page, user);
  const log = JSON.stringify(await stage.demo.cli('log', 'auth', '--user', user));
  assert.match(log, /no_response/);
});
