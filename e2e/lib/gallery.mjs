// Pictures of named pages, for eyes: e2e/.gallery/NAME-WIDTH-COLORS.png (not kept in git).
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../.gallery/', import.meta.url));

// shoot takes the page at 1280 and 390 px, light and dark, and puts its size and colors back.
export async function shoot(page, name) {
  mkdirSync(folder, { recursive: true });
  const size = page.viewportSize();
  const paths = [];
  for (const width of [1280, 390]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: width === 390 ? 844 : 800 });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const path = join(folder, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: true, animations: 'disabled' });
      paths.push(path);
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(size);
  return paths;
}
