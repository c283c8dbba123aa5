// Takes the pictures of the gallery (e2e/.gallery/) and, with --readme, those of docs/images/. Not a test: run it with
// scripts/node e2e/gallery.mjs and look at what comes out.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shoot } from './lib/gallery.mjs';
import { answer, atSample, pairingLink, screen, Stage, typeCode } from './lib/journey.mjs';

const images = fileURLToPath(new URL('../docs/images/', import.meta.url));
const readme = process.argv.includes('--readme');
if (readme) mkdirSync(images, { recursive: true });

// picture takes one screen for the README, cut to its size, light and dark.
async function picture(page, name, width, height) {
  if (!readme) return;
  const size = page.viewportSize();
  await page.setViewportSize({ width, height });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.screenshot({ path: join(images, `${name}-${colorScheme}.png`), animations: 'disabled' });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(size);
}

const stage = await Stage.open();
try {
  const { page } = await stage.computer({ userAgent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0' });
  const phone = await stage.phone();
  await page.goto(stage.url);
  await shoot(page, '01-demo');
  await atSample(page, stage, 'cy');
  await screen(page, 'enroll');
  await shoot(page, '02-pairing');
  await phone.page.goto(await pairingLink(page));
  await phone.page.locator('body[data-screen=pair]').waitFor();
  await shoot(phone.page, '03-app-set-up');
  await phone.page.getByLabel('Name of this phone').fill('Pixel');
  await phone.setUp();
  await phone.armed();
  await screen(page, 'push');
  await shoot(page, '04-first-request');
  await answer(page, phone);
  await shoot(phone.page, '05-app-approved');
  await Promise.race([screen(page, 'spare').then(() => shoot(page, '06-spare')).then(() => page.getByRole('button', { name: /^(Later|Not now)/ }).click()),
    page.getByRole('heading', { name: 'Your payslips' }).waitFor()]);
  await page.getByRole('heading', { name: 'Your payslips' }).waitFor();
  await shoot(page, '07-sample');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await phone.code();
  await shoot(phone.page, '08-app-accounts');
  await atSample(page, stage, 'cy');
  await page.getByText('Delivered at').waitFor();
  await phone.armed();
  await shoot(page, '09-waiting');
  await shoot(phone.page, '10-app-request');
  await picture(page, 'prompt-waiting', 560, 700);
  await picture(phone.page, 'phone-request', 390, 800);
  await page.getByRole('link', { name: 'Other ways to sign in' }).click();
  await screen(page, 'ways');
  await shoot(page, '11-ways');
  await page.getByRole('link', { name: 'Manage devices' }).click();
  await screen(page, 'verify');
  await shoot(page, '12-verify');
  await page.getByRole('link', { name: /Code from the app/ }).click();
  await typeCode(page, '123456');
  await page.getByRole('alert').waitFor();
  await shoot(page, '13-wrong-code');
  await typeCode(page, await phone.code());
  await screen(page, 'devices');
  await page.getByRole('button', { name: 'Add a device' }).click();
  await screen(page, 'pair');
  const second = await stage.phone({ userAgent: 'Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1' });
  await second.page.goto(await pairingLink(page));
  await second.page.locator('[data-test=install-skip]').waitFor();
  await shoot(second.page, '14-app-home-screen');
  await second.page.locator('[data-test=install-skip]').tap();
  await second.page.getByLabel('Name of this phone').fill('Kitchen tablet');
  await second.setUp();
  await page.getByText('You can sign in with it now').waitFor();
  await shoot(page, '15-devices');
  await picture(page, 'devices', 1000, 700);
  await page.getByRole('link', { name: /^Remove/ }).first().click();
  await screen(page, 'device-remove');
  await shoot(page, '16-remove');
  await atSample(page, stage, 'eve');
  await screen(page, 'refused');
  await shoot(page, '17-refused');
} finally {
  await stage.close();
}
