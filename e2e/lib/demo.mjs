// Starts the real program in demo mode on ports from the kernel, speaks to its command line, kills and
// restarts it, and leaves nothing behind.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const READY_WITHIN = 180_000;
const STOPPED_WITHIN = 60_000;

// What the program gets from our own environment: the tests' own switches are not its settings.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_TEST_')));

let building;

// binary builds the program once a process and returns its path. COUNTERSIGN_TEST_BINARY names a ready one.
export function binary() {
  building ??= process.env.COUNTERSIGN_TEST_BINARY ? Promise.resolve(process.env.COUNTERSIGN_TEST_BINARY) : build();
  return building;
}

async function build() {
  const dir = mkdtempSync(join(tmpdir(), 'countersign-bin-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'countersign');
  try {
    await run('go', ['build', '-buildvcs=false', '-o', path, './cmd/countersign'], { cwd: root });
  } catch (err) {
    throw new Error(`the program does not build:\n${err.stderr || err.message}`);
  }
  return path;
}

// startDemo resolves when the demo has said that it is ready. Options: args (more flags for `demo`),
// env (more environment), data (an existing data folder, which is then kept).
export async function startDemo({ args = [], env = {}, data } = {}) {
  const demo = new Demo(await binary(), args, env, data);
  try {
    await demo.start();
  } catch (err) {
    await demo.close();
    throw err;
  }
  return demo;
}

// Demo is one running demo. info is the line it printed: url, ca_file, data_dir, sample_app_url, inbox_url,
// phone_url, applications, users.
export class Demo {
  info = null;
  #log = [];
  #child = null;
  #listen = '127.0.0.1:0';
  #onExit = () => { this.#child?.kill('SIGKILL'); if (!this.keepData) rmSync(this.data, { recursive: true, force: true }); };

  constructor(path, args, env, data) {
    this.path = path;
    this.args = args;
    this.env = env;
    this.keepData = Boolean(data);
    this.data = data ?? mkdtempSync(join(tmpdir(), 'countersign-demo-'));
    process.on('exit', this.#onExit);
  }

  get pid() { return this.#child?.pid; }

  // log is everything the program wrote to standard error since the first start; tests look for secrets in it.
  get log() { return this.#log.join(''); }

  async start() {
    const child = spawn(this.path, ['demo', '--listen', this.#listen, '--data', this.data, '--json', ...this.args], {
      cwd: this.data,
      env: { ...environment, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text) => this.#log.push(text));
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#trouble('said nothing within three minutes')), READY_WITHIN);
      const settle = (fn, value) => { clearTimeout(timer); fn(value); };
      lines.once('line', (text) => settle(resolve, text));
      child.once('error', (err) => settle(reject, err));
      child.once('close', (code, signal) => settle(reject, this.#trouble(`ended (${signal ?? `code ${code}`}) before it was ready`)));
    });
    try {
      this.info = JSON.parse(line);
    } catch {
      throw this.#trouble(`printed something that is not JSON: ${line}`);
    }
    // The next start takes the same address, so that links and open pages stay good.
    this.#listen = `127.0.0.1:${new URL(this.info.url).port}`;
    return this.info;
  }

  #trouble(what) {
    return new Error(`countersign demo ${what}\n${this.log.split('\n').slice(-20).join('\n')}`);
  }

  // cli runs `countersign ARGS --config … --json` beside the running server and returns what it printed:
  // one JSON value, or an array when it printed a line each. A failure has code and stderr on the error.
  async cli(...args) {
    const argv = [...args.map(String), '--config', join(this.info.data_dir, 'countersign.toml'), '--json'];
    let stdout;
    try {
      ({ stdout } = await run(this.path, argv, { env: { ...environment, ...this.env }, timeout: 180_000, maxBuffer: 64 << 20 }));
    } catch (err) {
      err.message = `countersign ${args.join(' ')}: ${err.stderr || err.message}`;
      throw err;
    }
    const text = stdout.trim();
    if (text === '') return null;
    try {
      return JSON.parse(text);
    } catch {
      return text.split('\n').map((line) => JSON.parse(line));
    }
  }

  // kill ends the program at once, as a power cut would.
  async kill() { await this.#end('SIGKILL'); }

  // stop asks it to finish its work; the exit code must be 0.
  async stop() {
    const code = await this.#end('SIGTERM');
    if (code !== 0) throw this.#trouble(`did not stop cleanly (code ${code})`);
  }

  async #end(signal) {
    const child = this.#child;
    if (!child) return 0;
    this.#child = null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN);
    const [code] = await ended;
    clearTimeout(timer);
    return code;
  }

  // restart ends the program (by default as a power cut) and starts it on the same data and address.
  async restart(signal = 'SIGKILL') {
    await this.#end(signal);
    return this.start();
  }

  async close() {
    await this.#end('SIGTERM');
    process.off('exit', this.#onExit);
    if (!this.keepData) rmSync(this.data, { recursive: true, force: true });
  }

  application(type) { return this.info.applications.find((a) => a.type === type); }

  // user finds a sample user by whether a phone is set up already.
  user({ enrolled }) { return this.info.users.find((u) => u.enrolled === enrolled); }
}
