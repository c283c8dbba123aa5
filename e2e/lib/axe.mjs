// Runs axe-core on a page as people meet it: light, dark, on a narrow phone, in forced colours, and with letters twice
// the size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const variants = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  narrow: { colorScheme: 'light', width: 320 },
  forced: { colorScheme: 'light', forcedColors: 'active' },
  large: { colorScheme: 'light', text: 2 },
};

// assertAccessible fails with one line a finding. The page keeps its size and colours afterwards.
export async function assertAccessible(page, { name = new URL(page.url()).pathname, only = Object.keys(variants) } = {}) {
  const findings = [];
  const size = page.viewportSize();
  for (const variant of only) {
    const { colorScheme, forcedColors = 'none', width = size.width, text = 1 } = variants[variant];
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: size.height });
    const usual = text === 1 ? async () => {} : await enlarge(page, text);
    for (const v of await violations(page)) findings.push(`${name} (${variant}): ${v}`);
    if (variant === 'narrow' || variant === 'large') {
      for (const [frame, wide, room] of await widths(page)) {
        if (wide > room) findings.push(`${name} (${variant}): the ${frame} is ${wide} px wide and scrolls sideways`);
      }
    }
    await usual();
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
  await page.setViewportSize(size);
  assert.equal(findings.length, 0, `not accessible:\n  ${findings.join('\n  ')}`);
}

// enlarge sets the size of letters that people choose in their browser, in the page and in the frames in it that come
// from elsewhere; gives what sets it back.
async function enlarge(page, factor) {
  const sessions = [await page.context().newCDPSession(page)];
  for (const frame of page.frames().slice(1)) sessions.push(await page.context().newCDPSession(frame).catch(() => null));
  const set = async (n) => {
    for (const session of sessions) await session?.send('Page.setFontSizes', { fontSizes: { standard: 16 * n, fixed: 13 * n } });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  };
  await set(factor);
  return async () => {
    await set(1);
    for (const session of sessions) await session?.detach();
  };
}

// widths measures the page and the frames in it: what it is, how wide its content is, how much room there is.
async function widths(page) {
  const all = [];
  for (const frame of page.frames()) {
    const [wide, room] = await frame.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    all.push([frame === page.mainFrame() ? 'page' : 'frame', wide, room]);
  }
  return all;
}

async function violations(page) {
  // Through the debugger, not as a script element: the page's content security policy stays as it is.
  const session = await page.context().newCDPSession(page);
  try {
    await evaluate(session, `if (!window.axe) { ${source} }`);
    const options = JSON.stringify({ runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] });
    const json = await evaluate(session, `axe.run(document, ${options}).then((r) => JSON.stringify(r.violations))`);
    return JSON.parse(json).flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.target.join(' ')}: ${n.failureSummary?.split('\n')[1]?.trim() ?? ''}`));
  } finally {
    await session.detach();
  }
}

async function evaluate(session, expression) {
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
}
