import { launch, openWindow } from './lib/browser.mjs';
import { assertAccessible } from './lib/axe.mjs';
import { mkdirSync } from 'node:fs';
mkdirSync('/tmp/shots', { recursive: true });
const b = await launch();
const w = await openWindow(b, { width: 620, height: 500 });
const html = await (await fetch('http://127.0.0.1:18090/')).text();
let names = [...html.matchAll(/href="\/((?:frame|setup)-[a-z-]+)"/g)].map((m) => m[1]);
if (process.argv[2]) names = names.filter((n) => n.match(process.argv[2]));
for (const n of names) {
  await w.page.goto('http://127.0.0.1:18090/' + n);
  for (const [width, height, scheme] of [[620, 500, 'light'], [304, 330, 'light'], [620, 500, 'dark']]) {
    await w.page.setViewportSize({ width, height });
    await w.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await w.page.screenshot({ path: `/tmp/shots/${n}-${width}-${scheme}.png` });
    const wide = await w.page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > width) console.log(n, 'scrolls sideways', wide, width);
  }
  await w.page.setViewportSize({ width: 620, height: 500 });
  await w.page.emulateMedia({ colorScheme: 'light' });
  try { await assertAccessible(w.page, { name: n }); } catch (e) { console.log(e.message.slice(0, 1500)); }
}
await b.close(); console.log(names.length, 'stories', w.problems.slice(0,5));
