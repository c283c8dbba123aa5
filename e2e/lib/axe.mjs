// Runs axe-core on a page as people meet it: light, dark, on a narrow phone, in forced colors, and with letters twice
// the size.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const all = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] };
// Other colors, or larger letters in the same layout, change nothing for the other rules: names, roles, order.
const colors = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };
const sizes = { type: 'rule', values: [...colors.values, 'target-size', 'scrollable-region-focusable'] };

export const variants = {
  light: { colorScheme: 'light', rules: all },
  dark: { colorScheme: 'dark', rules: colors },
  narrow: { colorScheme: 'light', width: 320, rules: all },
  forced: { colorScheme: 'light', forcedColors: 'active', rules: colors },
  large: { colorScheme: 'light', text: 2, rules: sizes },
};

// assertAccessible fails with one line a finding. The page keeps its size and colors afterwards.
export async function assertAccessible(page, { name = new URL(page.url()).pathname, only = Object.keys(variants) } = {}) {
  const findings = [];
  const size = page.viewportSize();
  for (const variant of only) {
    const { colorScheme, forcedColors = 'none', width = size.width, text = 1, rules } = variants[variant];
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: size.height });
    const usual = text === 1 ? async () => {} : await enlarge(page, text);
    for (const v of await violations(page, rules)) findings.push(`${name} (${variant}): ${v}`);
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
  const all = await worlds(page);
  const set = async (n) => {
    for (const { session } of all) await session.send('Page.setFontSizes', { fontSizes: { standard: 16 * n, fixed: 13 * n } });
    const [{ session, contexts }] = all;
    await evaluate(session, contexts[0], 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))');
  };
  await set(factor);
  return async () => {
    await set(1);
    for (const { session } of all) await session.detach();
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

// violations looks at the page and at every frame in it, each by itself.
async function violations(page, rules) {
  const options = JSON.stringify({ runOnly: rules, resultTypes: ['violations'], iframes: false });
  const found = [];
  for (const { session, contexts } of await worlds(page)) {
    for (const context of contexts) {
      if (!await evaluate(session, context, 'Boolean(globalThis.axe)')) await evaluate(session, context, source);
      const json = await evaluate(session, context, `axe.run(document, ${options}).then((r) => JSON.stringify(r.violations))`);
      found.push(...JSON.parse(json));
    }
    await session.detach();
  }
  return found.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.target.join(' ')}: ${n.failureSummary?.split('\n')[1]?.trim() ?? ''}`));
}

// worlds gives a place for scripts in the page and in every frame in it, through the debugger: the page's content
// security policy stays as it is, and a clock that a test has stopped does not stop axe.
async function worlds(page) {
  const all = [];
  for (const target of page.frames()) {
    const session = await page.context().newCDPSession(target === page.mainFrame() ? page : target).catch(() => null);
    if (!session) continue; // a frame in the process of its page is in the page's tree
    const { frameTree } = await session.send('Page.getFrameTree');
    const ids = (tree) => [tree.frame.id, ...(tree.childFrames ?? []).flatMap(ids)];
    const contexts = [];
    for (const frameId of ids(frameTree)) {
      contexts.push((await session.send('Page.createIsolatedWorld', { frameId, worldName: 'axe' })).executionContextId);
    }
    all.push({ session, contexts });
  }
  return all;
}

async function evaluate(session, contextId, expression) {
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, contextId, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
  return result.value;
}
