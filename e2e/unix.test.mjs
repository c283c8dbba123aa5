// Someone without a phone signs in to a server through Debian's unmodified login_duo: the link on the terminal leads
// to the pairing page, and afterwards the menu of the terminal sends a plain request (C-04, J-06, AC-020).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { answer, number, pairingLink, screen, Stage } from './lib/journey.mjs';

const loginDuo = '/usr/sbin/login_duo';
const commandRuns = 'THE-COMMAND-RUNS';
const WITHIN = 120_000;

let stage, folder, conf;
const terminals = [];

before(async () => {
  assert.equal(process.getuid?.(), 0, 'this test needs root: login_duo takes another configuration from root only');
  assert.ok(existsSync(loginDuo), "this test needs Debian's login-duo: run scripts/test-deps");
  stage = await Stage.open();
  folder = mkdtempSync(join(tmpdir(), 'countersign-unix-'));
  chmodSync(folder, 0o755); // the unprivileged half of the client enters it
  const authority = join(folder, 'ca.pem');
  writeFileSync(authority, readFileSync(stage.demo.info.ca_file), { mode: 0o644 });
  conf = join(folder, 'login_duo.conf');
  const { api_host: host, client_id: ikey, client_secret: skey } = stage.demo.application('unix');
  // A server that cannot be asked keeps the person out here, so that nobody gets in by a fault of the test.
  const settings = { host, ikey, skey, cafile: authority, failmode: 'secure', https_timeout: '60' };
  writeFileSync(conf, `[duo]\n${Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`).join('')}`, { mode: 0o600 });
  chownSync(conf, Number(execFileSync('id', ['-u', 'sshd'], { encoding: 'utf8' })), -1);
});
afterEach(async () => {
  await Promise.all(terminals.splice(0).map((terminal) => terminal.close()));
  await stage?.tidy();
});
after(async () => {
  await stage?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

// Terminal is login_duo at a terminal of its own, with a person before it.
class Terminal {
  #text = '';
  #grown = () => {};

  constructor(user) {
    // The quotes inside the word keep the command's own text from looking like its result.
    const command = `exec ${loginDuo} -d -c '${conf}' -h 192.0.2.7 -f '${user}' "echo THE-COMMAND''-RUNS"`;
    this.child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, SHELL: '/bin/sh' }, stdio: 'pipe' });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.#text += text; this.#grown(); });
    }
    this.child.stdin.on('error', () => {}); // the program may end before it has read everything
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code) => { this.code = code; this.#grown(); resolve(code); });
    });
    this.ended.catch(() => this.#grown());
    terminals.push(this);
  }

  get shown() { return this.#text.replaceAll('\r\n', '\n'); }

  // sees waits until the terminal shows something that matches.
  async sees(pattern) {
    const timer = setTimeout(() => { this.late = true; this.#grown(); }, WITHIN);
    try {
      for (;;) {
        const found = pattern.exec(this.shown);
        if (found) return found;
        assert.ok(!this.late && this.code === undefined, `the terminal never showed ${pattern}:\n${this.shown}`);
        await new Promise((resolve) => { this.#grown = resolve; });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  types(line) { this.child.stdin.write(`${line}\n`); }

  // end waits for the program and tells whether the command ran.
  async end() {
    let late = false;
    const timer = setTimeout(() => { late = true; this.child.kill('SIGTERM'); }, WITHIN); // script ends what it has started
    const code = await this.ended;
    clearTimeout(timer);
    assert.ok(!late, `the program does not end:\n${this.shown}`);
    const ran = this.shown.includes(commandRuns);
    assert.equal(code === 0, ran, `exit code ${code}, but the terminal showed\n${this.shown}`);
    return ran;
  }

  async close() {
    if (this.code === undefined) this.child.kill('SIGTERM');
    await this.ended.catch(() => {});
  }
}

describe('someone without a phone before a terminal', () => {
  it('follows the link to set one up, and approves the next sign-in on it', async () => {
    const user = stage.person('terminal');
    const { page } = await stage.computer();
    const phone = await stage.phone();

    const first = new Terminal(user);
    const [, link] = await first.sees(/Open this link: (https?:\/\/[^\s"]+)\s/);
    assert.equal(await first.end(), false, 'nobody gets in without a phone');

    await page.goto(link);
    await screen(page, 'invitation');
    await page.getByText(`Hello ${user}.`).waitFor();
    await page.getByRole('button', { name: 'Set up my phone' }).click();
    await phone.pair(await pairingLink(page));
    assert.match(await number(page), /^\d{3}$/);
    await answer(page, phone);
    await page.locator('body[data-screen="spare"], body[data-screen="enrolled"]').waitFor();
    if (await page.locator('body[data-screen="spare"]').count()) await page.getByRole('button', { name: /^Later/ }).click();
    await screen(page, 'enrolled');
    await page.getByRole('heading', { name: 'All set' }).waitFor();
    await phone.home();

    const second = new Terminal(user);
    await second.sees(/1\. Request to .*\(1-1\): /s);
    second.types('1');
    assert.match(await phone.waitRequest(), /Servers of Northfield University/);
    assert.equal(await phone.page.locator('[data-keypad]').isVisible(), false, 'a terminal shows no number to type');
    await phone.approve();
    assert.equal(await phone.outcome(), 'approved');
    await second.sees(/Success/);
    assert.equal(await second.end(), true, 'the command runs');
  });
});
