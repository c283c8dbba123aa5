// The traditional prompt in the frame of another site's page, by the steps that people's own guides describe.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { at, FramedApplication, opened, signedIn, withoutCookies } from './lib/framed.mjs';
import { enter, Stage, tabTo } from './lib/journey.mjs';

const usual = ['--self-service', '--new-user', 'enroll', '--spare', 'off'];
let stage, app, elsewhere;
before(async () => {
  stage = await Stage.open();
  elsewhere = await stage.application();
  app = await FramedApplication.start(stage.demo, 'Benefits', ...usual);
});
afterEach(() => stage.tidy());
after(async () => {
  await app?.close();
  await stage?.close();
});

const press = (frame, name) => frame.getByRole('button', { name }).click();

async function computer(options) {
  const window = await stage.computer(options);
  await withoutCookies(window);
  return window;
}

// toPicture walks from "what kind of device" to the picture; replace is the name of the phone whose number is typed.
async function toPicture(frame, { number = '(858) 534-2230', platform = 'Android', replace, window } = {}) {
  await at(frame, 'setup-type');
  await frame.getByLabel('Mobile phone').check();
  await press(frame, 'Continue');
  await at(frame, 'setup-number');
  if (window) await assertAccessible(window.page, { name: 'number', only: ['light', 'large'] });
  const on = frame.getByRole('button', { name: 'Continue' });
  await frame.getByRole('button', { name: 'Continue', disabled: true }).waitFor(); // for the box; the page's script turns it off
  await frame.getByLabel('Country').selectOption('US');
  await frame.getByLabel('Phone number').fill(number);
  await frame.getByLabel('This is the correct number').check();
  await on.click();
  if (replace) {
    await frame.getByText('You already have a phone with this number').waitFor();
    const typed = await frame.getByLabel('Phone number').inputValue();
    await frame.getByRole('button', { name: 'Continue', disabled: true }).waitFor(); // for the second box
    await frame.getByLabel('Phone number').fill('(858) 534-2299');
    assert.equal(await on.isEnabled(), true, 'another number leaves the question behind');
    assert.equal(await frame.getByLabel(`Replace ${replace} with this phone`).isVisible(), false);
    await frame.getByLabel('Phone number').fill(typed);
    await frame.getByLabel(`Replace ${replace} with this phone`).check();
    await on.click();
  }
  await at(frame, 'setup-platform');
  await frame.getByLabel(platform).check();
  await press(frame, 'Continue');
  await at(frame, 'setup-install');
  await press(frame, 'I have the app installed');
  await at(frame, 'setup-activate');
}

const link = (frame) => frame.getByRole('link', { name: 'Open on this phone' }).getAttribute('href');

// scanned waits until the page has noticed the phone: the checkmark is there and Continue turns on by itself.
async function scanned(frame, kind = 'phone') {
  await frame.locator('#picture.done').waitFor();
  await frame.getByText(`Your ${kind} is connected.`).first().waitFor();
  await press(frame, 'Continue');
}

// enrolled gives a phone of somebody who has set it up and signed in elsewhere before.
const enrolled = (user) => stage.enrolled(elsewhere, { user });

// prompted gives somebody enrolled, before the prompt.
async function prompted(user) {
  const { phone } = await enrolled(user);
  const window = await computer();
  const frame = await opened(window, app, user);
  await at(frame, 'frame-prompt');
  return { window, frame, phone };
}

// byWizard sets up a first phone in the frame and goes on to the prompt.
async function byWizard(user, number) {
  const window = await computer();
  const frame = await opened(window, app, user);
  await at(frame, 'setup-welcome');
  await frame.getByRole('link', { name: 'Start setup' }).click();
  await toPicture(frame, { number });
  const phone = await stage.phone();
  await phone.pair(await link(frame));
  await scanned(frame);
  await at(frame, 'setup-finish');
  await press(frame, 'Continue to sign-in');
  await at(frame, 'frame-prompt');
  return { window, frame, phone };
}

// approve answers the request that the bar at the foot shows.
async function approve(frame, phone) {
  const digits = frame.locator('.bar.going .digits span[aria-hidden]');
  await digits.waitFor();
  const number = (await digits.textContent()).trim();
  await phone.waitRequest();
  await phone.typeNumber(number);
  assert.equal(await phone.outcome(), 'approved');
}

async function request(frame, phone) {
  await phone.home();
  await press(frame, 'Send a request');
  await approve(frame, phone);
}

// codeIn types a code into the field that the button turns into.
async function codeIn(frame, code) {
  await frame.getByRole('link', { name: 'Enter a code' }).click();
  await frame.getByLabel('Code').fill(code);
}

describe('the traditional prompt', () => {
  it('sets up a first phone in the frame, by the wizard, then signs in with it', async () => {
    const user = stage.person();
    const { window, frame, phone } = await byWizard(user);
    const kept = await window.page.frames()[1].evaluate(() => { document.cookie = 'probe=1; SameSite=None; Secure'; return document.cookie; });
    assert.equal(kept, '', 'the browser keeps no cookie of the frame');
    await assertAccessible(window.page, { name: 'prompt', only: ['light', 'dark', 'large'] });
    await request(frame, phone);
    await signedIn(window, user);
    assert.deepEqual(await window.context.cookies(), [], 'no cookie was set');
    const rows = await stage.demo.cli('log', 'auth', '--user', user);
    assert.deepEqual([rows].flat().map((r) => r.event_type).sort(), ['authentication', 'enrollment']);
  });

  it('remembers the browser under the page around it, where cookies of other sites are blocked', async () => {
    const other = await FramedApplication.start(stage.demo, 'Remembering', ...usual, '--remember-days', '30');
    try {
      const user = stage.person();
      const { window, frame, phone } = await prompted(user);
      await request(frame, phone);
      await signedIn(window, user);
      const again = await opened(window, other, user);
      await at(again, 'frame-prompt');
      const box = again.getByRole('checkbox', { name: 'Remember this browser for 30 days' });
      const told = window.page.waitForResponse((response) => response.url().endsWith('/remember'));
      await box.check();
      assert.equal((await told).status(), 204);
      await assertAccessible(window.page, { name: 'remember', only: ['light', 'dark'] });
      await request(again, phone);
      await signedIn(window, user);
      await opened(window, other, user);
      await signedIn(window, user);
      const row = [await stage.demo.cli('log', 'auth', '--user', user)].flat()[0];
      assert.equal(row.factor, 'remembered_device');
    } finally {
      await other.close();
    }
  });

  it('signs in with a code, and says so in red when it is wrong', async () => {
    const user = stage.person();
    const { phone } = await enrolled(user);
    const window = await computer();
    const frame = await opened(window, app, user);
    await at(frame, 'frame-prompt');
    assert.equal(await phone.hasRequest(), false, 'nothing starts by itself');
    await codeIn(frame, '000000');
    await press(frame, 'Sign in');
    await frame.locator('.bar.bad').waitFor();
    await frame.getByLabel('Code').fill(await phone.code());
    await press(frame, 'Sign in');
    await signedIn(window, user);
  });

  // The guide's steps 2 to 11: "Add a new device", the code of the phone at hand, the same number, the box to replace, …
  it('replaces a phone with a new one of the same number', async () => {
    const user = stage.person();
    const { phone: old } = await byWizard(user);
    const window = await computer();
    const frame = await opened(window, app, user);
    await frame.getByRole('link', { name: 'Add a new device' }).first().click();
    await at(frame, 'frame-verify');
    await frame.getByRole('heading', { name: 'Add a new device' }).waitFor();
    await codeIn(frame, await old.code());
    await press(frame, 'Continue');
    const name = (await (await stage.demo.cli('user', 'show', user)).phones[0]).name;
    await toPicture(frame, { number: '858 534 2230', replace: name, window });
    const fresh = await stage.phone();
    await fresh.pair(await link(frame));
    await scanned(frame);
    await at(frame, 'frame-devices');
    await frame.getByText(`The app on`).waitFor();
    assert.equal(await frame.locator('.items > li').count(), 1, 'the same record');
    await old.page.reload();
    await old.waitState('gone');
    await press(frame, 'Done, back to sign-in');
    await signedIn(window, user); // the proof was the sign-in too
    const again = await opened(window, app, user);
    await at(again, 'frame-prompt');
    await request(again, fresh);
    await signedIn(window, user);
  });

  it('opens my settings & devices: add by mail, rename, default, when I log in, delete', async () => {
    const user = stage.person();
    const { window, frame, phone } = await prompted(user);
    await frame.getByRole('link', { name: 'My settings & devices' }).first().click();
    await at(frame, 'frame-verify');
    await request(frame, phone);
    await at(frame, 'frame-devices');
    await assertAccessible(window.page, { name: 'devices', only: ['light', 'dark', 'narrow', 'large'] });

    await press(frame, 'Add another device');
    await at(frame, 'setup-type');
    await frame.getByLabel('Tablet').check();
    await press(frame, 'Continue');
    await at(frame, 'setup-platform');
    await frame.getByLabel('iPad').check();
    await press(frame, 'Continue');
    await press(frame, 'I have the app installed');
    await frame.getByRole('link', { name: 'Email me an activation link instead' }).click();
    const address = `${user}@northfield.example`;
    await frame.getByLabel('Mail address').fill(address);
    await press(frame, 'Send link');
    await frame.getByText('Open the mail on your tablet').waitFor();
    const mail = await stage.mail(address);
    const tablet = await stage.phone();
    await tablet.pair(/https?:\/\/\S+\/a\/\S+/.exec(mail.text)[0]);
    await scanned(frame, 'tablet');
    await at(frame, 'frame-devices');
    const items = frame.locator('.items > li');
    assert.equal(await items.count(), 2);

    const second = frame.locator('.items > li.fresh');
    await second.getByText('Device options').click();
    await second.getByRole('link', { name: 'Change device name' }).click();
    await frame.getByLabel('New name').fill('Kitchen tablet');
    await press(frame, 'Save name');
    await frame.getByText('The device is now called Kitchen tablet.').waitFor();

    await frame.getByLabel('Default device').selectOption({ label: 'Kitchen tablet' });
    await frame.getByLabel('When I log in').selectOption('push');
    await press(frame, 'Save');
    await frame.getByText('Your settings are saved.').waitFor();
    await press(frame, 'Done, back to sign-in');
    await signedIn(window, user);

    // A request goes to the default device by itself; Cancel stops it, and the links work all the time.
    await tablet.home();
    const later = await opened(window, app, user);
    await later.locator('.bar.going').waitFor();
    await tablet.waitRequest();
    await press(later, 'Cancel');
    await later.locator('.bar').waitFor({ state: 'detached' });
    await later.locator('h1:focus').waitFor(); // who works by keyboard goes on from here
    await press(later, 'Send a request');
    await later.locator('.bar button:focus').waitFor();
    await press(later, 'Cancel');
    await later.locator('.bar').waitFor({ state: 'detached' });
    await later.getByRole('link', { name: 'My settings & devices' }).first().click();
    await at(later, 'frame-verify');
    assert.equal(await later.getByLabel('Device', { exact: true }).locator('option:checked').textContent(), 'Kitchen tablet');
    await request(later, tablet);
    await at(later, 'frame-devices');
    const first = later.locator('.items > li').filter({ hasNotText: 'Kitchen tablet' });
    await first.getByText('Device options').click();
    await first.getByRole('link', { name: 'Delete' }).click();
    await press(later, 'Delete device');
    await later.getByText('was deleted.').waitFor();
    const last = later.locator('.items > li');
    assert.equal(await last.count(), 1);
    await last.getByText('Device options').click();
    await last.getByRole('link', { name: 'Delete' }).click();
    await later.getByRole('heading', { name: 'Kitchen tablet is your only way in' }).waitFor();
  });

  // RULE-10: the second way in is set up by the wizard, and the sign-in goes on.
  it('sets up a spare phone where two ways in are demanded', async () => {
    const strict = await FramedApplication.start(stage.demo, 'Strict', ...usual.slice(0, -1), 'require');
    try {
      const user = stage.person();
      const { phone } = await enrolled(user);
      const window = await computer();
      const frame = await opened(window, strict, user);
      await at(frame, 'frame-prompt');
      await codeIn(frame, await phone.code());
      await press(frame, 'Sign in');
      await at(frame, 'frame-spare');
      await assertAccessible(window.page, { name: 'spare', only: ['light', 'dark', 'narrow'] });
      assert.equal(await frame.getByRole('button', { name: /^Later/ }).count(), 0);
      await frame.getByRole('link', { name: 'Add another phone or tablet' }).click();
      await at(frame, 'frame-verify');
      await request(frame, phone);
      await toPicture(frame, { number: '858 534 2232' });
      const spare = await stage.phone();
      await spare.pair(await link(frame));
      await scanned(frame);
      await at(frame, 'frame-devices');
      await press(frame, 'Done, back to sign-in');
      await signedIn(window, user);
    } finally {
      await strict.close();
    }
  });

  it('reactivates the app of a device from its options', async () => {
    const user = stage.person();
    const { window, frame, phone } = await prompted(user);
    await frame.getByRole('link', { name: 'My settings & devices' }).first().click();
    await at(frame, 'frame-verify');
    await request(frame, phone);
    await at(frame, 'frame-devices');
    await frame.getByText('Device options').click();
    await press(frame, 'Reactivate the app');
    await at(frame, 'setup-platform');
    await frame.getByLabel('iPhone').check();
    await press(frame, 'Continue');
    await press(frame, 'I have the app installed');
    await at(frame, 'setup-activate');
    const fresh = await stage.phone();
    await fresh.pair(await link(frame));
    await scanned(frame);
    await at(frame, 'frame-devices');
    await phone.page.reload();
    await phone.waitState('gone');
    await press(frame, 'Done, back to sign-in');
    await signedIn(window, user);
  });

  it('works without a script but for the way back: a request, a code, the wizard', async () => {
    const user = stage.person();
    const { phone } = await enrolled(user);
    const { frame, window } = await plain(user);
    await phone.home();
    await press(frame, 'Send a request');
    const number = (await frame.locator('.bar .digits span[aria-hidden]').textContent()).trim();
    const held = press(frame, 'I have answered on my phone');
    await phone.waitRequest();
    await phone.typeNumber(number);
    await held;
    await at(frame, 'frame-answer');
    const said = await frame.locator('#answer').getAttribute('data-answer');
    assert.equal(app.verify(`${said}:${app.sign(user).split(':')[1]}`), user);
    await window.context.close();

    const other = stage.person();
    const { frame: wizard } = await plain(other);
    await wizard.getByRole('link', { name: 'Start setup' }).click();
    await press(wizard, 'Continue');
    await wizard.getByLabel('Phone number').fill('858 534 2231');
    await wizard.getByLabel('This is the correct number').check();
    await press(wizard, 'Continue');
    await wizard.getByLabel('Android').check();
    await press(wizard, 'Continue');
    await press(wizard, 'I have the app installed');
    await press(wizard, 'Continue');
    await wizard.getByText('The app is not connected yet.').waitFor();
    const second = await stage.phone();
    await second.pair(await link(wizard));
    await press(wizard, 'Continue');
    await at(wizard, 'setup-finish');
    await press(wizard, 'Continue to sign-in');
    await codeIn(wizard, await second.code());
    await press(wizard, 'Sign in');
    await at(wizard, 'frame-answer');
  });

  // plain opens the frame without the published script around it, by default in a browser without scripts.
  async function plain(user, javaScriptEnabled = false) {
    const window = await stage.computer({ javaScriptEnabled, width: 640 });
    await window.page.goto(`${app.url}/plain?user=${encodeURIComponent(user)}`);
    return { window, frame: window.page.frameLocator('#duo_iframe') };
  }

  it('can be used by keyboard alone: a code, and back from my devices', async () => {
    const user = stage.person();
    const { phone } = await enrolled(user);
    const { window: { page }, frame } = await plain(user, true);
    const inside = page.frames()[1];
    await tabTo(page, 'My settings & devices', inside);
    enter(page);
    await at(frame, 'frame-verify');
    await tabTo(page, 'Enter a code', inside);
    enter(page);
    const code = await phone.code();
    await frame.locator('#code:focus').waitFor();
    await page.keyboard.type(code);
    enter(page);
    await at(frame, 'frame-devices');
    await tabTo(page, /^Device options/, inside);
    await page.keyboard.press('Space');
    await tabTo(page, 'Change device name', inside);
    await tabTo(page, 'Done, back to sign-in', inside);
    enter(page);
    await at(frame, 'frame-answer');
  });

  it('fits a frame of 304 by 330 pixels, and its Settings button opens the links', async () => {
    const user = stage.person();
    const { phone } = await enrolled(user);
    const window = await computer({ width: 320 });
    const frame = await opened(window, app, user);
    await at(frame, 'frame-prompt');
    await frame.getByText('Settings', { exact: true }).click();
    await frame.getByRole('link', { name: 'Add a new device' }).last().click();
    await at(frame, 'frame-verify');
    await assertAccessible(window.page, { name: 'small', only: ['narrow'] });
    await request(frame, phone);
    await at(frame, 'setup-type');
  });

  // C-30, RULE-2: the page learns that something changed, and the person approves before it has looked.
  it('signs in when the approval comes while the page takes a look', async () => {
    const quick = await FramedApplication.start(stage.demo, 'Quick', ...usual, '--number-entry', 'off');
    try {
      const user = stage.person();
      const { phone } = await enrolled(user);
      const window = await computer();
      const frame = await opened(window, quick, user);
      await at(frame, 'frame-prompt');
      let approved, looked = 0, told = 0;
      const approval = new Promise((done) => { approved = done; });
      await window.page.route(/\/frame\/[^/]+\/status\?/, (route) => (told++ ? route.continue() : route.fulfill({ json: { version: 1000, state: 'going' } })));
      await window.page.route(/\/frame\/[^/]+$/, async (route) => {
        if (route.request().resourceType() === 'fetch') {
          looked++;
          await approval;
        }
        await route.continue();
      });
      await phone.home();
      await press(frame, 'Send a request');
      await phone.waitRequest();
      await phone.approve();
      assert.equal(await phone.outcome(), 'approved');
      approved();
      await signedIn(window, user);
      assert.ok(looked, 'the page took a look');
    } finally {
      await quick.close();
    }
  });

  it('is of no use opened by itself, and leads back to the application when it is over', async () => {
    const over = await FramedApplication.start(stage.demo, 'Over', ...usual);
    try {
      const user = stage.person();
      await enrolled(user);
      const window = await computer({ allow: [/status of 4(03|10)/] });
      const frame = await opened(window, over, user);
      await at(frame, 'frame-prompt');
      const address = window.page.frames()[1].url();
      const tab = await stage.computer({ allow: [/status of 403/] });
      await tab.page.goto(address);
      await tab.page.getByRole('heading', { name: 'This page cannot be opened by itself' }).waitFor();
      assert.equal(await tab.page.getByRole('button').count(), 0);
      await stage.demo.cli('app', 'set', over.registration.client_id, '--disabled');
      await press(frame, 'Send a request');
      await at(frame, 'frame-refused');
      await assertAccessible(window.page, { name: 'over', only: ['light', 'dark', 'narrow'] });
      await press(frame, 'Back to Over');
      await window.page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    } finally {
      await over.close();
    }
  });

  it('is of no use opened by itself in a browser that does not tell so', async () => {
    const user = stage.person();
    const window = await computer();
    await at(await opened(window, app, user), 'setup-welcome');
    const { page } = await stage.computer();
    // What a test fetches has no Sec-Fetch-Dest, like the requests of older browsers.
    await page.route(/\/frame\//, async (route) => route.fulfill({ response: await route.fetch() }));
    await page.goto(window.page.frames()[1].url());
    await page.getByRole('heading', { name: 'This page cannot be opened by itself' }).waitFor();
    await page.getByText('go to Benefits and sign in there').waitFor();
    assert.equal(await page.locator('a, button, form').count(), 0);
  });

  it('shows neither links nor pages of devices where self-service is off', async () => {
    const closed = await FramedApplication.start(stage.demo, 'Library', '--new-user', 'enroll', '--spare', 'off');
    try {
      const user = stage.person();
      await enrolled(user);
      const window = await computer();
      const frame = await opened(window, closed, user);
      await at(frame, 'frame-prompt');
      assert.equal(await frame.getByRole('link', { name: /Add a new device|My settings/ }).count(), 0);
      const inside = window.page.frames().find((f) => f.url().includes('/frame/'));
      await inside.goto(`${inside.url().split('?')[0]}/settings`);
      await frame.getByText('Devices cannot be managed here').waitFor();
    } finally {
      await closed.close();
    }
  });

  it('refuses a page that the application does not list, and says no to the application when asked to', async () => {
    const listed = await FramedApplication.start(stage.demo, 'Archive', ...usual, '--frame-host', 'archive.example.edu');
    try {
      const window = await computer({ allow: [/frame-ancestors|X-Frame-Options|Framing|Refused to (frame|display)|chrome-error|ERR_BLOCKED_BY_RESPONSE/i] });
      await window.page.goto(listed.address(stage.person()));
      await window.page.frames()[1].waitForURL(/^chrome-error:/);
      assert.equal(await window.page.frameLocator('#duo_iframe').locator('[data-screen]').count(), 0);
      const rows = [await stage.demo.cli('log', 'auth', '--app', listed.registration.client_id)].flat();
      assert.equal(rows[0].reason, 'invalid_referring_hostname_provided');
    } finally {
      await listed.close();
    }
    const user = stage.person();
    await stage.demo.cli('user', 'add', user, '--status', 'disabled');
    const window = await computer();
    const frame = await opened(window, app, user);
    await at(frame, 'frame-refused');
    await press(frame, 'Back to Benefits');
    await window.page.getByRole('heading', { name: 'Not signed in' }).waitFor();
    assert.match(app.answers.at(-1), /^ERR\|[\w\s.()]+:APP\|/);
  });

  it('opens the wizard for an enrollment link when the organization wants that', async () => {
    await stage.demo.cli('settings', 'set', '--enrollment-style', 'traditional');
    try {
      const user = stage.person();
      await stage.demo.cli('user', 'add', user, '--email', `${user}@northfield.example`);
      await stage.demo.cli('user', 'enroll', user);
      const mail = await stage.mail(user);
      const window = await stage.computer();
      const { page } = window;
      await page.goto(/https?:\/\/\S+\/enroll\/\S+/.exec(mail.text)[0]);
      await page.getByRole('button', { name: 'Set up my phone' }).click();
      await toPicture(page); // the page of the link was the welcome
      const phone = await stage.phone();
      await phone.pair(await link(page));
      await scanned(page);
      await at(page, 'setup-finish');
      await press(page, 'Finish');
      await page.getByRole('heading', { name: 'All set' }).waitFor();
    } finally {
      await stage.demo.cli('settings', 'set', '--enrollment-style', 'universal');
    }
  });
});

describe('the framed sample', () => {
  it('signs Ana in at the demo with the virtual phone', async () => {
    const { page } = await stage.computer();
    await page.goto(stage.demo.info.framed_app_url);
    await page.getByLabel('User name').fill('ana');
    await page.getByLabel('Password').fill('demo');
    await page.getByRole('button', { name: 'Sign in' }).click();
    const frame = page.frameLocator('#prompt');
    const { code } = await stage.demo.cli('user', 'bypass-code', 'ana');
    await codeIn(frame, code);
    await press(frame, 'Sign in');
    await at(frame, 'frame-recovered');
    await press(frame, /Continue to/);
    await page.locator('#signed-in[data-username=ana]').waitFor();
  });
});
