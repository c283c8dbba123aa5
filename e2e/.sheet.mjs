import { launch, openWindow } from '/work/main/e2e/lib/browser.mjs';
import { readFileSync } from 'node:fs';
const [out, cols, ...files] = process.argv.slice(2);
const b = await launch(); const w = await openWindow(b, { width: 1300, height: 900 });
await w.page.setContent(`<body style="margin:4px;background:#999;display:grid;gap:6px;grid-template-columns:repeat(${cols},auto);justify-content:start">` + files.map((f) => `<img src="data:image/png;base64,${readFileSync(f).toString('base64')}">`).join(''));
await w.page.screenshot({ path: out, fullPage: true }); await b.close();
