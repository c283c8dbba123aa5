// Reads QR codes (ISO/IEC 18004) of versions 1 to 10, for browsers without BarcodeDetector. The steps are: black and
// white, finder patterns, the alignment pattern, a perspective grid, format and mask, Reed-Solomon, segments. Pairing
// links are short, so versions above 10 are left out.

// decode reads RGBA pixels and returns the text, or null.
export function decode(rgba, width, height) {
  const grey = new Uint8Array(width * height);
  for (let i = 0, p = 0; i < grey.length; i++, p += 4) grey[i] = (rgba[p] * 77 + rgba[p + 1] * 150 + rgba[p + 2] * 29) >> 8;
  for (const make of [local, global]) {
    const image = { width, height, black: make(grey, width, height) };
    for (const corners of triples(finders(image))) {
      const text = readCode(image, corners);
      if (text !== null) return text;
    }
  }
  return null;
}

// local makes a pixel black when it is darker than its surroundings, so that shadows and glare do not matter.
function local(grey, width, height) {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += grey[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  const reach = Math.max(8, Math.round(Math.max(width, height) / 12));
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const y0 = Math.max(0, y - reach), y1 = Math.min(height, y + reach + 1);
    for (let x = 0; x < width; x++) {
      const x0 = Math.max(0, x - reach), x1 = Math.min(width, x + reach + 1);
      const sum = sums[y1 * (width + 1) + x1] - sums[y0 * (width + 1) + x1] - sums[y1 * (width + 1) + x0] + sums[y0 * (width + 1) + x0];
      out[y * width + x] = grey[y * width + x] < sum / ((y1 - y0) * (x1 - x0)) * 0.9 ? 1 : 0;
    }
  }
  return out;
}

// global makes a pixel black when it is darker than the middle between the darkest and the lightest.
function global(grey) {
  let low = 255, high = 0;
  for (const v of grey) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return grey.map((v) => v < (low + high) / 2 ? 1 : 0);
}

const at = (image, x, y) => {
  x = Math.floor(x);
  y = Math.floor(y);
  return x < 0 || y < 0 || x >= image.width || y >= image.height ? 0 : image.black[y * image.width + x];
};

// ratio returns the size of a module if five runs are 1:1:3:1:1, and 0 otherwise.
function ratio(runs) {
  const total = runs[0] + runs[1] + runs[2] + runs[3] + runs[4];
  if (total < 7) return 0;
  const m = total / 7;
  const near = (run, want) => Math.abs(run - want * m) <= want * m * 0.6 + 0.5;
  return near(runs[0], 1) && near(runs[1], 1) && near(runs[2], 3) && near(runs[3], 1) && near(runs[4], 1) ? m : 0;
}

// cross measures a finder pattern through (x, y) along (dx, dy): {off, module}, where off is the offset of its center, or
// null.
function cross(image, x, y, dx, dy, limit) {
  const side = (s) => {
    const runs = [0, 0, 0];
    let i = s > 0 ? 1 : 0;
    for (let part = 0; part < 3; part++) {
      const want = part === 1 ? 0 : 1;
      while (runs[part] <= limit) {
        const px = x + dx * i * s, py = y + dy * i * s;
        if (px < 0 || py < 0 || px >= image.width || py >= image.height || at(image, px, py) !== want) break;
        runs[part]++;
        i++;
      }
      if (runs[part] === 0 || runs[part] > limit) return null;
    }
    return runs;
  };
  const back = side(-1), ahead = side(1);
  if (!back || !ahead) return null;
  const module = ratio([back[2], back[1], back[0] + ahead[0], ahead[1], ahead[2]]);
  return module ? { off: (ahead[0] - back[0] + 1) / 2, module } : null;
}

// finders lists the centers of finder patterns. Those that were found on most lines come first.
function finders(image) {
  const found = [];
  const step = Math.max(1, Math.floor(image.height / 400));
  for (let y = 0; y < image.height; y += step) {
    const runs = [0, 0, 0, 0, 0];
    let colour = 0;
    for (let x = 0; x <= image.width; x++) {
      const v = x < image.width ? image.black[y * image.width + x] : 1 - colour;
      if (v === colour) {
        runs[4]++;
        continue;
      }
      if (colour === 1 && ratio(runs)) note(image, found, x - runs[4] - runs[3] - runs[2] / 2, y, runs[2] * 2);
      runs.shift();
      runs.push(1);
      colour = v;
    }
  }
  return found.filter((f) => f.seen > 1).sort((a, b) => b.seen - a.seen).slice(0, 9);
}

function note(image, found, x, y, limit) {
  const down = cross(image, Math.floor(x), y, 0, 1, limit);
  if (!down) return;
  const cy = y + down.off;
  const over = cross(image, Math.floor(x), Math.floor(cy), 1, 0, limit);
  if (!over || Math.max(over.module, down.module) > 2.5 * Math.min(over.module, down.module)) return;
  const cx = Math.floor(x) + over.off, module = (over.module + down.module) / 2;
  for (const f of found) {
    if (Math.hypot(f.x - cx, f.y - cy) < f.module * 2.5) {
      f.x += (cx - f.x) / (f.seen + 1);
      f.y += (cy - f.y) / (f.seen + 1);
      f.module += (module - f.module) / (f.seen + 1);
      f.seen++;
      return;
    }
  }
  found.push({ x: cx, y: cy, module, seen: 1 });
}

// triples lists three finder patterns each, [top left, top right, bottom left], those that best make the corner of a
// square first.
function triples(found) {
  const all = [];
  for (let i = 0; i < found.length; i++) {
    for (let j = 0; j < found.length; j++) {
      for (let k = j + 1; k < found.length; k++) {
        if (j === i || k === i) continue;
        let [a, b, c] = [found[i], found[j], found[k]];
        const ab = Math.hypot(b.x - a.x, b.y - a.y), ac = Math.hypot(c.x - a.x, c.y - a.y);
        const cos = Math.abs(((b.x - a.x) * (c.x - a.x) + (b.y - a.y) * (c.y - a.y)) / (ab * ac));
        const sizes = [a.module, b.module, c.module];
        const spread = Math.max(...sizes) / Math.min(...sizes);
        const legs = Math.max(ab, ac) / Math.min(ab, ac);
        if (cos > 0.45 || spread > 2 || legs > 1.8 || Math.min(ab, ac) < a.module * 10) continue;
        if ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) < 0) [b, c] = [c, b];
        all.push({ score: cos + (spread - 1) + (legs - 1), corners: [a, b, c] });
      }
    }
  }
  return all.sort((a, b) => a.score - b.score).slice(0, 12).map((t) => t.corners);
}

// readCode tries the most likely sizes, with and without the alignment pattern.
function readCode(image, [a, b, c]) {
  const module = (a.module + b.module + c.module) / 3;
  const estimate = (Math.hypot(b.x - a.x, b.y - a.y) + Math.hypot(c.x - a.x, c.y - a.y)) / 2 / module + 7;
  const near = Math.round((estimate - 17) / 4);
  for (const version of [near, near - 1, near + 1, near + 2, near - 2]) {
    if (version < 1 || version > 10) continue;
    const size = 17 + 4 * version;
    const plain = { x: b.x + c.x - a.x, y: b.y + c.y - a.y };
    const fourths = [];
    if (version > 1) {
      const inset = 1 - 3 / (size - 7);
      for (const far of [1, 0.85, 1.18]) { // from an angle, this corner is nearer or farther
        const p = alignment(image, a.x + (plain.x - a.x) * inset, a.y + (plain.y - a.y) * inset, module * far, module * 9);
        if (p) fourths.push([size - 6.5, p]);
      }
    }
    fourths.push([size - 3.5, plain]);
    for (const [m, p] of fourths) {
      const place = perspective([[3.5, 3.5], [size - 3.5, 3.5], [3.5, size - 3.5], [m, m]], [a, b, c, p]);
      if (!place) continue;
      const bits = [];
      for (let y = 0; y < size; y++) {
        const row = new Uint8Array(size);
        for (let x = 0; x < size; x++) {
          const [px, py] = place(x + 0.5, y + 0.5);
          row[x] = at(image, px, py);
        }
        bits.push(row);
      }
      const text = readGrid(bits, version);
      if (text !== null) return text;
    }
  }
  return null;
}

// alignment looks for the alignment pattern around a point: a black dot in a white ring in a black ring.
function alignment(image, x, y, module, reach) {
  let best = null;
  const step = Math.max(1, Math.round(module / 4));
  for (let dy = -reach; dy <= reach; dy += step) {
    for (let dx = -reach; dx <= reach; dx += step) {
      let fit = 0;
      for (let v = -2; v <= 2; v++) {
        for (let u = -2; u <= 2; u++) {
          const ring = Math.max(Math.abs(u), Math.abs(v));
          if (at(image, x + dx + u * module, y + dy + v * module) === (ring === 1 ? 0 : 1)) fit++;
        }
      }
      const score = fit - Math.hypot(dx, dy) / (module * 8);
      if (fit >= 21 && (!best || score > best.score + 0.01)) best = { score, x: x + dx, y: y + dy };
    }
  }
  if (!best) return null;
  // The center of the black dot.
  let n = 0, sx = 0, sy = 0;
  for (let v = -module; v <= module; v++) {
    for (let u = -module; u <= module; u++) {
      if (Math.hypot(u, v) <= module && at(image, best.x + u, best.y + v)) {
        n++;
        sx += u;
        sy += v;
      }
    }
  }
  return n ? { x: best.x + sx / n, y: best.y + sy / n } : best;
}

// perspective returns the function (u, v) -> [x, y] that maps four points of the grid to four points of the picture, or
// null.
function perspective(from, to) {
  const m = [];
  from.forEach(([u, v], i) => {
    const { x, y } = to[i];
    m.push([u, v, 1, 0, 0, 0, -u * x, -v * x, x], [0, 0, 0, u, v, 1, -u * y, -v * y, y]);
  });
  for (let c = 0; c < 8; c++) {
    let pivot = c;
    for (let r = c + 1; r < 8; r++) if (Math.abs(m[r][c]) > Math.abs(m[pivot][c])) pivot = r;
    if (Math.abs(m[pivot][c]) < 1e-9) return null;
    [m[c], m[pivot]] = [m[pivot], m[c]];
    for (let r = 0; r < 8; r++) {
      if (r === c) continue;
      const f = m[r][c] / m[c][c];
      for (let k = c; k < 9; k++) m[r][k] -= f * m[c][k];
    }
  }
  const [a, b, c, d, e, f, g, h] = m.map((row, i) => row[8] / row[i]);
  return (u, v) => {
    const w = g * u + h * v + 1;
    return [(a * u + b * v + c) / w, (d * u + e * v + f) / w];
  };
}

const TOTAL = [0, 26, 44, 70, 100, 134, 172, 196, 242, 292, 346]; // codewords by version
// By version: check words per block and number of blocks, for the levels L, M, Q, H.
const BLOCKS = [null, [7, 1, 10, 1, 13, 1, 17, 1], [10, 1, 16, 1, 22, 1, 28, 1], [15, 1, 26, 1, 18, 2, 22, 2], [20, 1, 18, 2, 26, 2, 16, 4],
  [26, 1, 24, 2, 18, 4, 22, 4], [18, 2, 16, 4, 24, 4, 28, 4], [20, 2, 18, 4, 18, 6, 26, 5], [24, 2, 22, 4, 22, 6, 26, 6],
  [30, 2, 22, 5, 20, 8, 24, 8], [18, 4, 26, 5, 24, 8, 28, 8]];
const CENTRES = [null, [], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];
const MASKS = [(x, y) => (x + y) % 2, (x, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3, (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => x * y % 2 + x * y % 3, (x, y) => (x * y % 2 + x * y % 3) % 2, (x, y) => ((x + y) % 2 + x * y % 3) % 2];

// readGrid reads the modules of a code (rows of 0 and 1) and returns its text, or null when they are not a code.
export function readGrid(bits, version) {
  const size = bits.length;
  const format = readFormat(bits, size);
  if (!format) return null;
  const words = codewords(bits, size, version, MASKS[format.mask]);
  const [check, blocks] = BLOCKS[version].slice(format.level * 2, format.level * 2 + 2);
  const data = TOTAL[version] - check * blocks;
  const short = Math.floor(data / blocks), long = data % blocks;
  const parts = Array.from({ length: blocks }, (_, i) => new Uint8Array(short + (i >= blocks - long ? 1 : 0) + check));
  let p = 0;
  for (let i = 0; i <= short; i++) for (const [b, part] of parts.entries()) if (i < short || b >= blocks - long) part[i] = words[p++];
  for (let i = 0; i < check; i++) for (const part of parts) part[part.length - check + i] = words[p++];
  const out = [];
  for (const part of parts) {
    if (!correct(part, check)) return null;
    out.push(...part.subarray(0, part.length - check));
  }
  return segments(out, version);
}

function readFormat(bits, size) {
  let one = 0, two = 0;
  const put = (i, x, y) => bits[y][x] << i;
  for (let i = 0; i < 6; i++) one |= put(i, 8, i);
  one |= put(6, 8, 7) | put(7, 8, 8) | put(8, 7, 8);
  for (let i = 9; i < 15; i++) one |= put(i, 14 - i, 8);
  for (let i = 0; i < 8; i++) two |= put(i, size - 1 - i, 8);
  for (let i = 8; i < 15; i++) two |= put(i, 8, size - 15 + i);
  let best = null;
  for (let d = 0; d < 32; d++) {
    let rest = d;
    for (let i = 0; i < 10; i++) rest = rest << 1 ^ (rest >> 9) * 0x537;
    const code = (d << 10 | rest) ^ 0x5412;
    for (const seen of [one, two]) {
      let wrong = 0;
      for (let x = seen ^ code; x; x &= x - 1) wrong++;
      if (wrong <= 3 && (!best || wrong < best.wrong)) best = { wrong, mask: d & 7, level: [1, 0, 3, 2][d >> 3] };
    }
  }
  return best;
}

// codewords reads the words along the zigzag of the data area.
function codewords(bits, size, version, mask) {
  const centres = CENTRES[version];
  const last = centres.at(-1);
  const taken = (x, y) => x < 9 && y < 9 || x >= size - 8 && y < 9 || x < 9 && y >= size - 8 || x === 6 || y === 6 ||
    version >= 7 && (y < 6 && x >= size - 11 || x < 6 && y >= size - 11) ||
    centres.some((cx) => Math.abs(cx - x) <= 2 && centres.some((cy) => Math.abs(cy - y) <= 2 &&
      !(cx === 6 && cy === 6 || cx === 6 && cy === last || cx === last && cy === 6)));
  const words = new Uint8Array(TOTAL[version]);
  let n = 0;
  for (let right = size - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right--;
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (taken(x, y) || n >= words.length * 8) continue;
        const bit = bits[y][x] ^ (mask(x, y) === 0 ? 1 : 0);
        words[n >> 3] |= bit << 7 - (n & 7);
        n++;
      }
    }
  }
  return words;
}

// The field GF(256) of QR codes.
const EXP = new Uint8Array(512), LOG = new Uint8Array(256);
for (let i = 0, v = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = v;
  LOG[v] = i;
  v = v << 1 ^ (v >> 7) * 0x11d;
}
const mul = (a, b) => a && b ? EXP[LOG[a] + LOG[b]] : 0;
const div = (a, b) => a ? EXP[LOG[a] + 255 - LOG[b]] : 0;
const value = (poly, x) => poly.reduceRight((sum, c) => mul(sum, x) ^ c, 0); // lowest power first

// correct corrects errors in a block in place (Berlekamp-Massey, Chien, Forney). It returns false when there are too many.
function correct(block, check) {
  const syndromes = [];
  for (let i = 0; i < check; i++) syndromes.push(block.reduce((sum, c) => mul(sum, EXP[i]) ^ c, 0));
  if (!syndromes.some(Boolean)) return true;
  let locator = [1], before = [1], errors = 0, gap = 1, last = 1;
  for (let n = 0; n < check; n++) {
    let d = syndromes[n];
    for (let i = 1; i <= errors; i++) d ^= mul(locator[i] ?? 0, syndromes[n - i]);
    if (!d) {
      gap++;
      continue;
    }
    const next = locator.slice();
    const f = div(d, last);
    before.forEach((c, i) => { next[i + gap] = (next[i + gap] ?? 0) ^ mul(c, f); });
    for (let i = 0; i < next.length; i++) next[i] ??= 0;
    if (2 * errors <= n) {
      before = locator;
      errors = n + 1 - errors;
      last = d;
      gap = 1;
    } else {
      gap++;
    }
    locator = next;
  }
  if (errors * 2 > check) return false;
  const evaluator = new Array(check).fill(0);
  for (let i = 0; i < check; i++) for (let j = 0; j <= i; j++) evaluator[i] ^= mul(locator[j] ?? 0, syndromes[i - j]);
  let corrected = 0;
  for (let i = 0; i < block.length; i++) {
    const power = block.length - 1 - i;
    const inverse = EXP[(255 - power) % 255];
    if (value(locator, inverse)) continue;
    let slope = 0;
    for (let k = 1; k < locator.length; k += 2) slope ^= mul(locator[k], EXP[LOG[inverse] * (k - 1) % 255]);
    if (!slope) return false;
    block[i] ^= mul(EXP[power], div(value(evaluator, inverse), slope));
    corrected++;
  }
  return corrected === errors;
}

// segments reads numeric, alphanumeric and byte segments as UTF-8, and returns the text or null.
function segments(data, version) {
  let pos = 0;
  const left = () => data.length * 8 - pos;
  const take = (n) => {
    let v = 0;
    for (; n > 0; n--, pos++) v = v << 1 | data[pos >> 3] >> 7 - (pos & 7) & 1;
    return v;
  };
  const wide = version >= 10;
  const signs = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
  const out = [];
  const add = (s) => out.push(...new TextEncoder().encode(s));
  while (left() >= 4) {
    const mode = take(4);
    if (mode === 0) break;
    if (mode === 7) { // character set: one byte is enough for those in use
      take(8);
      continue;
    }
    let n = mode === 4 ? take(wide ? 16 : 8) : mode === 2 ? take(wide ? 11 : 9) : mode === 1 ? take(wide ? 12 : 10) : -1;
    if (n < 0 || n * (mode === 4 ? 8 : 3) > left()) return null;
    if (mode === 4) {
      while (n-- > 0) out.push(take(8));
    } else if (mode === 2) {
      for (; n > 1; n -= 2) {
        const v = take(11);
        if (v >= 2025) return null;
        add(signs[Math.floor(v / 45)] + signs[v % 45]);
      }
      if (n) add(signs[take(6)] ?? '');
    } else {
      for (; n > 2; n -= 3) add(String(take(10)).padStart(3, '0'));
      if (n === 2) add(String(take(7)).padStart(2, '0'));
      if (n === 1) add(String(take(4)));
    }
  }
  return out.length ? new TextDecoder().decode(Uint8Array.from(out)) : null;
}
