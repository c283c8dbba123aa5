// node-suites.mjs FILE...: runs test files with Node's own test runner, NODE_SUITES_AT_ONCE at a time (each file starts
// its own server and browser), in the order given, and says at the end how long each took.
import { basename, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const files = process.argv.slice(2).map((file) => resolve(file));
// A file takes a minute or so; on a machine that does much else, many. Only one that hangs is ended here.
const timeout = 40 * 60_000;
const took = new Map(); // file -> [first second, last second]

const began = Date.now();
const seconds = (ms) => Math.round(ms / 1000);
const stream = run({ files, timeout, concurrency: Number(process.env.NODE_SUITES_AT_ONCE ?? 3) });
stream.on('test:fail', ({ todo }) => { if (!todo) process.exitCode = 1; });
for (const event of ['test:pass', 'test:fail']) {
  stream.on(event, ({ file, details }) => {
    const now = Date.now() - began;
    const [first = now - details.duration_ms] = took.get(file) ?? [];
    took.set(file, [first, now]);
  });
}
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  const rows = [...took].filter(([file]) => files.includes(file)).sort(([, a], [, b]) => b[1] - b[0] - (a[1] - a[0]));
  console.log(`\nSeconds of each file: ${rows.map(([file, [first, last]]) => `${basename(file, '.test.mjs')} ${seconds(last - first)}`).join(', ')}.`);
});
