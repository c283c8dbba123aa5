// The official Node client, unmodified, through whole sign-ins against the running demo. The browser part is plain
// HTTP over the prompt's forms, as a browser without scripts would do it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startDemo } from '../e2e/lib/demo.mjs';
import { Client, newClient } from '../e2e/lib/duo.mjs';

const callback = 'http://localhost:9/callback?from=wiki';
let demo, application, client, name;

before(async () => {
  demo = await startDemo();
  application = demo.application('websdk');
  client = newClient(demo, application, callback);
  name = demo.user({ enrolled: true }).username;
});
after(() => demo?.close());

// Browser keeps cookies, follows redirects and posts forms until the application's address is reached.
class Browser {
  #cookies = new Map();
  at = null;
  html = '';
  back = null;

  async open(address, form) {
    let url = new URL(address, this.at ?? undefined);
    let init = form && { method: 'POST', body: new URLSearchParams(form), headers: { origin: this.at.origin } };
    for (let hop = 0; hop < 10; hop++) {
      if (url.href.startsWith('http://localhost:9/callback')) {
        this.back = url;
        return this;
      }
      const answer = await this.#send(url, init);
      for (const cookie of answer.headers.getSetCookie()) this.#keep(cookie);
      if (answer.status < 300 || answer.status > 399) {
        assert.ok(answer.status < 500, `${url.pathname} answered ${answer.status}`);
        this.at = url;
        this.html = await answer.text();
        return this;
      }
      await answer.body?.cancel();
      url = new URL(answer.headers.get('location'), url);
      init = undefined;
    }
    throw new Error(`too many redirects, last to ${url.pathname}`);
  }

  #send(url, init = {}) {
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ');
    return fetch(url, { ...init, redirect: 'manual', headers: { ...init.headers, cookie } });
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(';');
    const [key, ...value] = pair.split('=');
    if (attributes.some((a) => /^\s*max-age=(0|-)/i.test(a))) this.#cookies.delete(key);
    else this.#cookies.set(key, value.join('='));
  }

  // submit posts the first form whose action ends so; false when there is none.
  async submit(suffix, values = {}) {
    for (const [, attributes, body] of this.html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
      const action = new URL(decode(/\baction="([^"]*)"/.exec(attributes)?.[1] ?? ''), this.at);
      if (!action.pathname.endsWith(suffix)) continue;
      const form = {};
      for (const [input] of body.matchAll(/<input\b[^>]*>/g)) {
        const field = /\bname="([^"]*)"/.exec(input)?.[1];
        if (field) form[field] = decode(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? '');
      }
      await this.open(action, { ...form, ...values });
      return true;
    }
    return false;
  }
}

const decode = (text) => text.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

// signIn lets a person through the prompt with a bypass code and returns the query the application gets.
async function signIn(client, name, state) {
  const { code } = await demo.cli('user', 'bypass-code', demo.user({ enrolled: true }).username);
  const browser = await new Browser().open(await client.createAuthUrl(name, state));
  if (!await browser.submit('/code', { code })) {
    await browser.open(`${browser.at.pathname}/code`);
    assert.ok(await browser.submit('/code', { code }), `no code form at ${browser.at.pathname}`);
  }
  for (let offers = 0; !browser.back && offers < 4; offers++) {
    if (!await browser.submit('/continue') && !await browser.submit('/later')) break;
  }
  assert.ok(browser.back, `the prompt does not lead back from ${browser.at}`);
  return browser.back.searchParams;
}

describe('the official Node client', () => {
  it('asks whether the service is up', async () => {
    const answer = await client.healthCheck();
    assert.equal(answer.stat, 'OK');
    assert.ok(Number.isInteger(answer.response.timestamp));
  });

  it('is told why a wrong secret is refused', async () => {
    const wrong = newClient(demo, { ...application, client_secret: 'x'.repeat(40) }, callback);
    await assert.rejects(wrong.healthCheck(), { message: 'invalid_client: The provided client_assertion was invalid.' });
  });

  it('signs a person in, once', async () => {
    const state = client.generateState();
    const query = await signIn(client, name, state);
    assert.equal(query.get('state'), state);
    assert.equal(query.get('from'), 'wiki');
    const token = await client.exchangeAuthorizationCodeFor2FAResult(query.get('duo_code'), name);
    assert.equal(token.preferred_username, name);
    assert.equal(token.iss, `https://${application.api_host}/oauth/v1/token`);
    assert.equal(token.auth_result.result, 'allow');
    assert.equal(token.auth_context.factor, 'bypass_code');
    assert.equal(token.auth_context.application.key, application.client_id);
    await assert.rejects(client.exchangeAuthorizationCodeFor2FAResult(query.get('duo_code'), name), /invalid_grant: /);
  });

  it('gets a name back as it sent it', async () => {
    const shouted = name.toUpperCase();
    let query = await signIn(client, shouted, client.generateState());
    assert.equal((await client.exchangeAuthorizationCodeFor2FAResult(query.get('duo_code'), shouted)).preferred_username, shouted);
    query = await signIn(client, name, client.generateState());
    await assert.rejects(client.exchangeAuthorizationCodeFor2FAResult(query.get('duo_code'), shouted), { message: 'The username is invalid' });
  });

  it('may ask for code instead of duo_code', async () => {
    const { client_id: clientId, client_secret: clientSecret, api_host: apiHost } = application;
    const plain = new Client({ clientId, clientSecret, apiHost, redirectUrl: callback, useDuoCodeAttribute: false });
    const query = await signIn(plain, name, plain.generateState());
    assert.equal(query.get('duo_code'), null);
    assert.equal((await plain.exchangeAuthorizationCodeFor2FAResult(query.get('code'), name)).preferred_username, name);
  });
});
