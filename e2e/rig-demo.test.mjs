// Proves lib/demo.mjs against a stand-in program, so that its failures are about the product and not the rig.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { Demo } from './lib/demo.mjs';

const dir = mkdtempSync(join(tmpdir(), 'countersign-rig-'));
after(() => rmSync(dir, { recursive: true, force: true }));

function standIn(body) {
  const path = join(dir, `program-${Math.random().toString(36).slice(2)}.cjs`);
  writeFileSync(path, `#!${process.execPath}\nconst [command, ...args] = process.argv.slice(2);\nconst flag = (name) => args[args.indexOf(name) + 1];\n${body}`);
  chmodSync(path, 0o755);
  return path;
}

const wellBehaved = standIn(`
  if (command === 'demo') {
    console.error('listening');
    const server = require('node:http').createServer((q, r) => r.end()).listen(Number(flag('--listen').split(':')[1]), '127.0.0.1', () =>
      console.log(JSON.stringify({ url: 'http://localhost:' + server.address().port, data_dir: flag('--data'), applications: [{ type: 'websdk' }], users: [{ username: 'a', enrolled: false }] })));
    process.on('SIGTERM', () => process.exit(0));
  } else if (command === 'fail') {
    console.error('no such user'); process.exit(3);
  } else if (command === 'lines') {
    console.log('{"n":1}\\n{"n":2}');
  } else {
    console.log(JSON.stringify({ command, args }, null, 2));
  }`);

it('starts the program, keeps its address over a power cut, and leaves nothing behind', async () => {
  const demo = new Demo(wellBehaved, [], {});
  const { url } = await demo.start();
  const { pid } = demo;
  await demo.restart();
  assert.equal(demo.info.url, url);
  assert.notEqual(demo.pid, pid);
  assert.match(demo.log, /listening\nlistening/);
  assert.equal(demo.application('websdk').type, 'websdk');
  assert.equal(demo.user({ enrolled: false }).username, 'a');
  await demo.stop();
  await demo.close();
  assert.equal(existsSync(demo.data), false);
});

it('runs commands beside it and reads their JSON', async () => {
  const demo = new Demo(wellBehaved, [], {});
  await demo.start();
  const config = join(demo.info.data_dir, 'countersign.toml');
  assert.deepEqual(await demo.cli('user', 'add', 'ada'), { command: 'user', args: ['add', 'ada', '--config', config, '--json'] });
  assert.deepEqual(await demo.cli('lines'), [{ n: 1 }, { n: 2 }]);
  await assert.rejects(demo.cli('fail'), (err) => err.code === 3 && /no such user/.test(err.message));
  await demo.close();
});

it('says what a program that does not start had to say', async () => {
  const demo = new Demo(standIn("console.error('the port is taken'); process.exitCode = 1;"), [], {});
  await assert.rejects(demo.start(), /ended \(code 1\) before it was ready\nthe port is taken/);
  await demo.close();
});
