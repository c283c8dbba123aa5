// Proves the rig itself on small pages of our own: a test that cannot fail proves nothing about the product.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { assertAccessible } from './lib/axe.mjs';
import { launch, openWindow } from './lib/browser.mjs';
import { Budget, budgets } from './lib/budget.mjs';
import { shoot } from './lib/gallery.mjs';

const good = (screen, body, script = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${screen}</title>
  <meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"></head>
  <body data-screen="${screen}"><main><h1>${screen}</h1>${body}</main>${script}</body></html>`;

const pages = {
  '/code': good('code', `<form action="/done"><label for="c">Code</label> <input id="c" name="code" autocomplete="one-time-code">
    <button>Check</button></form><p><a href="/done">Other ways</a></p>`),
  '/done': good('done', '<p>You are in.</p>'),
  '/live': good('waiting', '<button type="button">Go</button>', '<script src="/live.js"></script>'),
  '/live.js': "document.querySelector('button').addEventListener('click', () => { document.body.dataset.screen = 'answered'; });",
  '/keypad': good('number', '<div data-keypad><button>1</button><button>2</button><button>3</button></div><button>Approve</button>'),
  '/no-label': good('bad', '<input name="code"><p style="color:#bbb;background:#fff">Faint words</p>'),
  '/framed': good('framed', '<iframe title="Another page" src="/no-label"></iframe>'),
  '/wide': good('wide', '<div style="width:700px">A table that does not fold</div>'),
  '/inline': good('inline', '<p>x</p>', "<script>document.title = 'ran'</script>"),
  '/throws': good('throws', '<p>x</p>', '<script src="/throws.js"></script>'),
  '/throws.js': "throw new Error('a bug in the page');",
  '/elsewhere': good('elsewhere', '<img src="http://fonts.example/x.png" alt="">'),
};

let server, origin, browser;

before(async () => {
  server = createServer((request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname;
    const body = pages[path];
    response.writeHead(path === '/broken' ? 500 : body ? 200 : 404, {
      'Content-Type': path.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: http://fonts.example; frame-src 'self'; form-action 'self'",
    });
    response.end(body ?? '<!doctype html><title>x</title>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://localhost:${server.address().port}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

// problemsOf opens a page and gives back what the window noticed.
async function problemsOf(path, options) {
  const window = await openWindow(browser, options);
  await window.page.goto(origin + path, { waitUntil: 'networkidle' });
  await window.context.close();
  return window.problems;
}

describe('the window', () => {
  it('is clean on a clean page', async () => {
    assert.deepEqual(await problemsOf('/code'), []);
  });
  it('notices inline script that the content security policy refuses', async () => {
    assert.match((await problemsOf('/inline')).join('\n'), /content security policy: script-src/);
  });
  it('notices an uncaught error, an answer of 500 and a request to another host', async () => {
    assert.match((await problemsOf('/throws')).join('\n'), /a bug in the page/);
    assert.match((await problemsOf('/broken')).join('\n'), /answer 500: GET/);
    assert.match((await problemsOf('/elsewhere')).join('\n'), /request failed .*fonts\.example/);
  });
  it('lets a test say which problem it expects', async () => {
    assert.deepEqual(await problemsOf('/broken', { allow: [/^answer 500/] }), []);
  });
  it('can do without script', async () => {
    const window = await openWindow(browser, { javaScriptEnabled: false });
    await window.page.goto(origin + '/code');
    await window.page.getByLabel('Code').fill('123456');
    await window.page.getByRole('button', { name: 'Check' }).click();
    await window.page.waitForURL(/\/done/);
    await window.close();
  });
});

describe('the accessibility check', () => {
  it('passes a good page in every variant, under its content security policy', async () => {
    const window = await openWindow(browser);
    await window.page.goto(origin + '/code');
    await assertAccessible(window.page);
    assert.deepEqual(window.page.viewportSize(), { width: 1280, height: 800 });
    await window.close();
  });
  it('names the rule, the place and the variant', async () => {
    const window = await openWindow(browser);
    await window.page.goto(origin + '/no-label');
    await assert.rejects(assertAccessible(window.page), (err) => {
      assert.match(err.message, /\/no-label \(light\): label: .*input/);
      assert.match(err.message, /\/no-label \(dark\): color-contrast: /);
      return true;
    });
    await window.close();
  });
  it('looks into the frames of a page, also where a test has stopped the clock', async () => {
    const window = await openWindow(browser);
    await window.page.clock.install();
    await window.page.clock.pauseAt(Date.now() + 1000);
    await window.page.goto(origin + '/framed');
    await assert.rejects(assertAccessible(window.page), /\/framed \(light\): label: .*input/);
    await window.close();
  });
  it('finds a page that scrolls sideways on a narrow phone', async () => {
    const window = await openWindow(browser);
    await window.page.goto(origin + '/wide');
    await assert.rejects(assertAccessible(window.page), /\/wide \(narrow\): the page is \d+ px wide/);
    await window.close();
  });
});

describe('the budget', () => {
  it('has the flows of this release', () => {
    assert.deepEqual(Object.keys(budgets), ['E2', 'R1', 'L1', 'L2', 'L4', 'M1']);
  });
  it('counts a typed code and Enter as one field and one click, over two screens', async () => {
    const window = await openWindow(browser);
    const budget = new Budget();
    await budget.watch(window, 'browser');
    await window.page.goto(origin + '/code');
    await window.page.getByLabel('Code').pressSequentially('123456');
    await window.page.keyboard.press('Enter');
    await window.page.waitForURL(/\/done/);
    await window.page.waitForLoadState('networkidle');
    assert.deepEqual(budget.counts, { screens: 2, clicks: 1, fields: 1, taps: 0 });
    assert.throws(() => budget.assertWithin('L4'), /2 screens instead of at most 1 \(code \| done\)/);
    await window.close();
  });
  it('counts a screen that changes without a new page, and a click on it', async () => {
    const window = await openWindow(browser);
    const budget = new Budget();
    await budget.watch(window, 'browser');
    await window.page.goto(origin + '/live');
    await window.page.getByRole('button').click();
    await window.page.locator('body[data-screen=answered]').waitFor();
    await window.page.evaluate(() => new Promise(requestAnimationFrame));
    assert.deepEqual(budget.counts, { screens: 2, clicks: 1, fields: 0, taps: 0 });
    budget.reset({ from: 'answered' });
    assert.deepEqual(budget.counts, { screens: 1, clicks: 0, fields: 0, taps: 0 });
    await window.close();
  });
  it('counts taps on the phone, and its number pad as one field', async () => {
    const phone = await openWindow(browser, { width: 390, touch: true });
    const budget = new Budget();
    await budget.watch(phone, 'phone');
    await phone.page.goto(origin + '/keypad');
    for (const name of ['1', '2', '3', 'Approve']) await phone.page.getByRole('button', { name }).tap();
    await phone.page.evaluate(() => new Promise(requestAnimationFrame));
    assert.deepEqual(budget.counts, { screens: 0, clicks: 0, fields: 1, taps: 1 });
    budget.assertWithin('L2');
    await phone.close();
  });
});

it('takes pictures in two widths and two colors', async () => {
  const window = await openWindow(browser);
  await window.page.goto(origin + '/done');
  const paths = await shoot(window.page, 'rig');
  assert.equal(paths.filter((path) => existsSync(path)).length, 4);
  await window.close();
});
