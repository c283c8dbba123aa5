// Runs axe-core on a page as people meet it: light, dark, on a narrow phone, and in forced colours.
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
};

// assertAccessible fails with one line a finding. The page keeps its size and colours afterwards.
export async function assertAccessible(page, { name = new URL(page.url()).pathname, only = Object.keys(variants) } = {}) {
  const findings = [];
  const size = page.viewportSize();
  for (const variant of only) {
    const { colorScheme, forcedColors = 'none', width = size.width } = variants[variant];
    await page.emulateMedia({ colorScheme, forcedColors, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: size.height });
    for (const v of await violations(page)) findings.push(`${name} (${variant}): ${v}`);
    if (variant === 'narrow') {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) findings.push(`${name} (${variant}): the page is ${wide} px wide and scrolls sideways`);
    }
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null, reducedMotion: null });
  await page.setViewportSize(size);
  assert.equal(findings.length, 0, `not accessible:\n  ${findings.join('\n  ')}`);
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
