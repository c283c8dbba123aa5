// node-suites.mjs FILE...: runs test files with Node's own test runner, NODE_SUITES_AT_ONCE at a time (each file starts
// its own server and browser), in the order given, and says at the end how long each took.
import { basename, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const files = process.argv.slice(2).map((file) => resolve(file));
// A file takes a minute or so; on a machine that does much else, many. Only one that hangs is ended here.
const timeout = 40 * 60_000;
const took = new Map(); // file -> milliseconds
const told = new Set(); // files with a test that ran: one without any is taken for a test that passed, under the file's name

const stream = run({ files, timeout, concurrency: Number(process.env.NODE_SUITES_AT_ONCE ?? 3) });
stream.on('test:fail', ({ todo }) => { if (!todo) process.exitCode = 1; });
for (const event of ['test:pass', 'test:fail']) {
  stream.on(event, ({ file, name, nesting, skip, details }) => {
    if (details.type !== 'suite' && name !== file && !skip) told.add(file);
    if (nesting === 0) took.set(file, (took.get(file) ?? 0) + details.duration_ms);
  });
}
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  const rows = [...took].filter(([file]) => files.includes(file)).sort(([, a], [, b]) => b - a);
  console.log(`\nSeconds of each file: ${rows.map(([file, ms]) => `${basename(file, '.test.mjs')} ${Math.round(ms / 1000)}`).join(', ')}.`);
  for (const file of files.filter((f) => !told.has(f))) {
    console.log(`No test of ${basename(file)} ran to its end.`);
    process.exitCode = 1;
  }
});
