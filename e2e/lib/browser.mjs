// One Chromium for a test file, and windows in it that notice everything a person would not accept: console
// errors, refused content, failed requests and answers of 500 and above.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

// A person would not wait so long; a busy machine may need it. Nothing is shown by how soon something comes.
export const PATIENCE = 90_000;

const whole = '/usr/bin/chromium';
// The same engine without the windows around it takes a quarter of the work. It shows no notifications.
const shell = '/usr/bin/chromium-headless-shell';

// Playwright's own --headless is the new headless mode in this Chromium: service workers and push work in it.
const args = [
  '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage',
  // Nothing outside this machine exists for the browser, so a page that needs another host fails its test.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

// launch starts the browser; more are further flags of Chromium. With notifications it is one that shows them.
export async function launch(more = [], { notifications = false } = {}) {
  const executablePath = process.env.COUNTERSIGN_TEST_CHROMIUM ?? (notifications || !existsSync(shell) ? whole : shell);
  return chromium.launch({ executablePath, headless: true, timeout: 2 * PATIENCE, args: [...args, ...more], chromiumSandbox: process.getuid?.() !== 0 });
}

// openWindow makes a window with cookies and storage of its own. Options: width, height, colorScheme, forcedColors,
// javaScriptEnabled, locale, touch, userAgent, storageState, permissions, allow (patterns of problems that this test expects).
export async function openWindow(browser, options = {}) {
  const { width = 1280, height = width < 600 ? 844 : 800, colorScheme = 'light', forcedColors = 'none', javaScriptEnabled = true } = options;
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme, forcedColors, javaScriptEnabled, reducedMotion: 'reduce',
    hasTouch: options.touch ?? false, isMobile: options.touch ?? false, locale: options.locale ?? 'en-US',
    storageState: options.storageState, userAgent: options.userAgent, permissions: options.permissions, ignoreHTTPSErrors: true,
  });
  context.setDefaultTimeout(PATIENCE);
  const problems = await collectProblems(context, options.allow ?? []);
  return {
    context,
    problems,
    page: await context.newPage(),
    // assertClean fails with every problem seen so far.
    assertClean() { assert.deepEqual(problems, [], `the browser saw problems:\n  ${problems.join('\n  ')}`); },
    // close ends the window and fails when it had seen a problem.
    async close() { await context.close(); this.assertClean(); },
  };
}

async function collectProblems(context, allow) {
  const problems = [];
  const note = (what) => { if (!allow.some((pattern) => pattern.test(what))) problems.push(what); };

  context.on('console', (message) => {
    // An answer of 4xx is often what a test wants; those of 500 and above are noted below.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) note(`console: ${message.text()}`);
  });
  context.on('weberror', (event) => note(`uncaught: ${event.error().stack ?? event.error()}`));
  context.on('response', (response) => {
    if (response.status() >= 500) note(`answer ${response.status()}: ${response.request().method()} ${response.url()}`);
  });
  context.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? 'unknown';
    // Leaving a page cuts its open streams; that is not a failure.
    if (reason !== 'net::ERR_ABORTED') note(`request failed (${reason}): ${request.method()} ${request.url()}`);
  });
  await context.exposeBinding('__countersignRefused', (_source, what) => note(what));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.__countersignRefused?.(`content security policy: ${event.effectiveDirective} refused ${event.blockedURI || 'inline'} on ${location.pathname}`);
    });
  });
  return problems;
}
