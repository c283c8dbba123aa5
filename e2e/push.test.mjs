// Alerts: the program knocks at a push service, the phone's worker shows a notice, a tap opens the request.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { answer, landed, pairingLink, screen, signIn, Stage, typeCode } from './lib/journey.mjs';
import { PushService } from './lib/push.mjs';

let stage, app, push;
before(async () => {
  push = await PushService.start();
  stage = await Stage.open({ notifications: true, demo: { env: { COUNTERSIGN_PUSH_ALLOW_HOSTS: new URL(push.origin).host } } });
  app = await stage.application();
});
afterEach(() => stage.tidy());
after(async () => {
  await stage?.close();
  await push?.close();
});

const alerted = async () => {
  const all = await stage.enrolled(app, { phone: { push, origin: new URL(stage.url).origin } });
  await all.phone.home();
  await all.phone.turnOnAlerts();
  await all.phone.waitState('ready');
  return all;
};

// waitsInApp waits until the page says that no alert came through. The server may take a moment to hear that an app was
// closed; a request of that moment counts as told to the app, so it goes once more.
async function waitsInApp(page) {
  const waits = page.locator('#line', { hasText: /^Open the countersign app on .*The request waits there\.$/ });
  const taken = page.getByText('Delivered at');
  await waits.or(taken).first().waitFor();
  if (await taken.isVisible()) await page.getByRole('button', { name: 'Send again' }).click();
  await waits.waitFor();
}

describe('an alert', () => {
  it('reaches the phone whose app is closed, says nothing secret, and opens the request', async () => {
    const { user, computer: { page }, phone } = await alerted();
    await phone.ready();
    await phone.page.evaluate(() => { location.hash = '#/add'; }); // somewhere else in the app
    await signIn(page, app, user);
    const message = await push.arrived(phone.subscription);
    assert.deepEqual(push.refused, []);
    assert.ok(message.ttl > 0 && message.ttl <= 60, `TTL ${message.ttl}`);
    assert.equal(message.urgency, 'high');
    const shown = (await page.locator('.digits').textContent()).replace(/\D/g, '');
    assert.ok(!message.text.includes(shown), 'the alert holds the number');
    await phone.waitNotices(1);
    await page.getByText('Delivered at').waitFor();
    await phone.tapNotice();
    await answer(page, phone);
    await landed(page, user);
    await phone.waitNotices(0); // the notice goes with the answer
    assert.ok(!stage.demo.log.includes('/push/'), 'the address of a phone is in the log');
  });

  it('tells the other phone that a device was added, not which, and the open app asks at once', async () => {
    const { user, computer: { page }, phone } = await alerted();
    await signIn(page, app, user);
    await push.arrived(phone.subscription); // of the request
    await page.goto(page.url() + '/devices');
    await page.getByRole('link', { name: /Code from the app/ }).click();
    await phone.home();
    await typeCode(page, await phone.code());
    await page.getByRole('button', { name: 'Add a device' }).click();
    const second = await stage.phone();
    await second.page.goto(await pairingLink(page));
    await second.page.getByLabel('Name of this phone').fill('Kitchen tablet');
    await second.setUp();
    const message = await push.arrived(phone.subscription);
    assert.match(message.text, /Your devices have changed/);
    assert.ok(!message.text.includes('Kitchen'), 'the alert names the device');
    await phone.page.getByRole('heading', { name: /Kitchen tablet.* was added to your account$/ }).waitFor();
  });

  it('that the service refuses for good turns alerts off, and the page says to open the app', async () => {
    const { user, computer: { page }, phone } = await alerted();
    phone.subscription.answer = 410;
    await phone.page.goto('about:blank');
    await signIn(page, app, user);
    await waitsInApp(page);
    const { phones } = await stage.demo.cli('user', 'show', user);
    assert.notEqual(phones[0].alerts, 'on', JSON.stringify(phones[0]));
    phone.subscription.answer = 201;
    await phone.page.goto(new URL('app/', stage.url).href);
    await answer(page, phone);
    await landed(page, user);
  });

  it('is not missing where there never was one: the request waits in the app', async () => {
    const { user, computer: { page }, phone } = await stage.enrolled(app);
    await phone.home();
    await phone.waitState('alerts_off');
    await phone.page.goto('about:blank');
    await signIn(page, app, user);
    await screen(page, 'push');
    await waitsInApp(page);
    await phone.page.goto(new URL('app/', stage.url).href);
    await answer(page, phone);
    await landed(page, user);
  });
});
