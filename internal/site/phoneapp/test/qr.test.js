// Tests with pictures of codes as a camera takes them: turned, tilted, shaded, noisy and damaged.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { decode } from '../assets/qr.js';

const grids = JSON.parse(readFileSync(new URL('qr.json', import.meta.url)));

// random makes a generator that returns the same numbers in every run.
function random(seed) {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

// picture draws a grid. scale is in pixels per module, turn in radians; tilt is the strength of the perspective.
function picture(rows, { width = 640, height = 480, scale = 6, turn = 0, tilt = 0, noise = 0, shade = 0, damage = 0, seed = 1 } = {}) {
  const next = random(seed), n = rows.length;
  const grid = rows.map((r) => [...r].map((c) => c === '#'));
  for (let i = 0; i < damage; i++) {
    const x = 9 + Math.floor(next() * (n - 18)), y = 9 + Math.floor(next() * (n - 18));
    grid[y][x] = !grid[y][x];
  }
  const out = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const [ox, oy] of [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]) {
        const dx = (x + ox - width / 2) / scale, dy = (y + oy - height / 2) / scale;
        const w = 1 + tilt * dx / n;
        const u = (dx * Math.cos(turn) + dy * Math.sin(turn)) / w + n / 2, v = (-dx * Math.sin(turn) + dy * Math.cos(turn)) / w + n / 2;
        const inside = u >= -4 && v >= -4 && u < n + 4 && v < n + 4;
        sum += inside ? (grid[Math.floor(v)]?.[Math.floor(u)] ? 25 : 235) : 120 + 60 * Math.sin(x / 17) * Math.sin(y / 23);
      }
      const g = sum / 4 * (1 - shade * x / width) + (next() - 0.5) * noise;
      const p = (y * width + x) * 4;
      out[p] = out[p + 1] = out[p + 2] = g;
      out[p + 3] = 255;
    }
  }
  return [out, width, height];
}

const scaleFor = (rows, pixels = 330) => Math.max(3, Math.min(9, pixels / rows.length));

test('reads every version and level it claims', () => {
  for (const g of grids) assert.equal(decode(...picture(g.rows, { scale: scaleFor(g.rows) })), g.text, `${g.text} ${g.level} ${g.rows.length}`);
});

test('reads links turned to any side, in shade, with noise', () => {
  const links = grids.filter((g) => g.text.startsWith('https:'));
  for (const g of links) {
    for (const turn of [0.1, 0.5, 1.2, Math.PI / 2, 2.5, Math.PI, -0.8]) {
      assert.equal(decode(...picture(g.rows, { scale: scaleFor(g.rows, 300), turn, noise: 50, shade: 0.5 })), g.text, `level ${g.level} turned ${turn}`);
    }
  }
});

test('reads links from an angle', () => {
  for (const g of grids.filter((x) => x.text.startsWith('https:') && x.level === 1)) {
    for (const tilt of [-0.3, -0.15, 0.15, 0.3]) assert.equal(decode(...picture(g.rows, { scale: scaleFor(g.rows, 280), tilt, turn: 0.2, noise: 20 })), g.text, `tilt ${tilt}`);
  }
});

test('mends damage', () => {
  for (const g of grids.filter((x) => x.text.startsWith('https:') && x.level >= 1)) assert.equal(decode(...picture(g.rows, { damage: 5, noise: 20 })), g.text);
});

test('sees nothing where nothing is', () => {
  assert.equal(decode(...picture(['.'], { noise: 200 })), null);
  assert.equal(decode(new Uint8ClampedArray(64 * 64 * 4), 64, 64), null);
});
