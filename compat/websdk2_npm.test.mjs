// The published Node client of Web SDK v2, unmodified: what it signs opens the prompt, what the prompt answers it
// accepts, and nothing else. The browser part is plain HTTP over the prompt's forms; Chromium with the client's own
// script is in e2e/traditional.test.mjs.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { after, before, describe, it } from 'node:test';
import { startDemo } from '../e2e/lib/demo.mjs';
import { duo } from '../e2e/lib/framed.mjs';

const parent = 'https://benefits.northfield.example/login?next=%2F';
const origin = 'https://benefits.northfield.example';
let demo, app, keys, ca;

before(async () => {
  demo = await startDemo();
  app = demo.application('websdk2');
  keys = [app.client_id, app.client_secret, app.akey];
  ca = readFileSync(demo.info.ca_file);
});
after(() => demo?.close());

// ask makes one request at the API host and gives status, headers and body.
function ask(path, form) {
  const body = form && new URLSearchParams(form).toString();
  const [, port] = app.api_host.split(':');
  return new Promise((resolve, reject) => {
    const call = request({ host: 'localhost', port, path, ca, method: form ? 'POST' : 'GET',
      headers: form ? { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': Buffer.byteLength(body) } : {} }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => { text += part; }).on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    call.on('error', reject).end(body);
  });
}

// every answer may be framed by the origin of the page and by nobody else; null = by nobody at all.
function framedBy({ headers }, who) {
  const policy = /frame-ancestors ([^;]+)/.exec(headers['content-security-policy'])?.[1];
  assert.equal(policy, who ?? "'none'");
  assert.equal(headers['x-frame-options'], who ? undefined : 'DENY');
}

const address = (tx) => `/frame/web/v1/auth?tx=${encodeURIComponent(tx)}&parent=${encodeURIComponent(parent)}&v=2.9`;
const decode = (text) => text.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replace(/&#43;/g, '+').replace(/&quot;/g, '"').replace(/&amp;/g, '&');

// open begins a sign-in and gives where the frame is.
async function open(tx, post = false) {
  const begun = await (post ? ask('/frame/web/v1/auth', { tx, parent, v: '2.9', java_version: '', screen_resolution_width: '1280' }) : ask(address(tx)));
  assert.equal(begun.status, 303, begun.text);
  framedBy(begun, origin);
  return begun.headers.location;
}

// throughDesk signs in with a one-time code and gives the frame's answer.
async function throughDesk(user, tx) {
  const at = await open(tx);
  const { code } = await demo.cli('user', 'bypass-code', user);
  let page = await ask(at);
  framedBy(page, origin);
  const token = /name="form_token" value="([^"]+)"/.exec(page.text)[1];
  const proved = await ask(`${at}/code`, { form_token: token, code });
  assert.equal(proved.status, 303, proved.text);
  framedBy(proved, origin);
  await ask(`${at}/continue`, { form_token: token });
  page = await ask(at);
  assert.equal(decode(/data-parent="([^"]+)"/.exec(page.text)[1]), origin);
  return decode(/data-answer="([^"]+)"/.exec(page.text)[1]);
}

describe('Web SDK v2 through the official Node client', () => {
  it('accepts the answer to a sign-in, with the name as the application wrote it', async () => {
    for (const name of ['ana', 'ANA', 'NORTHFIELD\\ana']) {
      const [tx, mine] = duo.sign_request(...keys, name).split(':');
      const answer = await throughDesk('ana', tx);
      assert.match(answer, /^AUTH\|[A-Za-z0-9+/=]+\|[A-Za-z0-9+/=]+$/);
      assert.equal(duo.verify_response(...keys, `${answer}:${mine}`), name);
      const expiry = Number(Buffer.from(answer.split('|')[1], 'base64').toString().split('|')[2]);
      assert.ok(expiry <= Date.now() / 1000 + 301, 'good for five minutes at most');
    }
  });

  it('refuses an answer that was altered, has expired, is for another person or another application', async () => {
    const [tx, mine] = duo.sign_request(...keys, 'ana').split(':');
    const answer = await throughDesk('ana', tx);
    const [prefix, cookie, mac] = answer.split('|');
    const remade = (text, key = keys[1]) => {
      const fresh = `AUTH|${Buffer.from(text).toString('base64')}`;
      return `${fresh}|${createHmac('sha1', key).update(fresh).digest('hex')}`;
    };
    const late = Math.floor(Date.now() / 1000);
    for (const [why, bad] of Object.entries({
      'another MAC': `${prefix}|${cookie}|${mac.replace(/^./, (c) => (c === '0' ? '1' : '0'))}:${mine}`,
      'another name': `AUTH|${Buffer.from(Buffer.from(cookie, 'base64').toString().replace('ana', 'ben')).toString('base64')}|${mac}:${mine}`,
      'expired': `${remade(`ana|${keys[0]}|${late - 1}`)}:${mine}`,
      'of another person': `${answer}:${duo.sign_request(...keys, 'ben').split(':')[1]}`,
      'for another application': `${remade(`ana|DIXXXXXXXXXXXXXXXXXX|${late + 100}`)}:${mine}`,
      'under another key': `${remade(`ana|${keys[0]}|${late + 100}`, 'x'.repeat(40))}:${mine}`,
      'without the application half': answer,
      'an error': `ERR|Sign in was not completed.:${mine}`,
      'the request itself': `${tx}:${mine}`,
    })) assert.equal(duo.verify_response(...keys, bad), null, why);
    assert.equal(duo.verify_response(...keys, `${answer}:${mine}`), 'ana');
  });

  it('takes a request by POST too, and by reload', async () => {
    const [tx] = duo.sign_request(...keys, 'ben').split(':');
    const first = await open(tx, true);
    const second = await open(tx);
    assert.notEqual(first, second);
    assert.equal((await ask(first)).status, 200);
  });

  it('shows nothing but the error when the request is not the application\'s word, and that to the page that asked only', async () => {
    const [tx] = duo.sign_request(...keys, 'ana').split(':');
    const [theirs] = duo.sign_request(keys[0], 'y'.repeat(40), keys[2], 'ana').split(':');
    const asked = [address(theirs), address(tx + '0'), address('TX|x|y'), address('')];
    const nobody = [`${address(tx)}&tx=${encodeURIComponent(tx)}`, '/frame/web/v1/auth',
      `/frame/web/v1/auth?tx=${encodeURIComponent(tx)}&v=2.9`, `/frame/web/v1/auth?tx=${encodeURIComponent(tx)}&parent=javascript:alert(1)`];
    for (const path of [...asked, ...nobody]) {
      const answer = await ask(path);
      assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`);
      framedBy(answer, asked.includes(path) ? origin : null);
      assert.ok(!answer.text.includes('ana'), path);
      if (asked.includes(path)) assert.doesNotMatch(answer.text, /<form|data-answer|Benefits/, path);
    }
  });
});
