// An application of the older kind: its page shows the traditional prompt in a frame with the published script,
// unchanged, and the published Node client signs and checks. Its page and the frame are on different sites.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
export const duo = require('@duosecurity/duo_web');
const script = readFileSync(require.resolve('@duosecurity/duo_web/js/Duo-Web-v2.js'), 'utf8');
const akey = 'an application key of its own, at least forty letters';

const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title><meta name="viewport" content="width=device-width, initial-scale=1">
  <link rel="icon" href="data:,"><style>iframe{border:0;width:620px;max-width:100%;height:500px}</style></head><body><main><h1>${title}</h1>${body}</main></body></html>`;

export class FramedApplication {
  answers = []; // every sig_response that came

  // start makes the application known with `app add FLAGS` and serves it. Options: form, the demo's own data instead.
  static async start(demo, name, ...flags) {
    const app = new FramedApplication();
    app.registration = await demo.cli('app', 'add', '--name', name, '--type', 'websdk2', ...flags);
    app.name = name;
    app.server = createServer((request, response) => {
      app.#serve(request, response).catch((err) => response.writeHead(500, { 'Content-Type': 'text/html' }).end(page('Broken', escape(err.stack))));
    });
    await new Promise((resolve) => app.server.listen(0, '127.0.0.1', resolve));
    app.url = `http://127.0.0.1:${app.server.address().port}`;
    return app;
  }

  get keys() { return [this.registration.client_id, this.registration.client_secret, akey]; }

  sign(user) { return duo.sign_request(...this.keys, user); }

  verify(response) { return duo.verify_response(...this.keys, response); }

  address(user) { return `${this.url}/login?user=${encodeURIComponent(user)}`; }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    const html = (text) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(text);
    if (url.pathname === '/Duo-Web-v2.js') return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(script);
    if (url.pathname === '/login') {
      return html(page('One more step', `<script src="/Duo-Web-v2.js"></script>
        <iframe id="duo_iframe" title="Confirm that it is you" data-host="${this.registration.api_host}" data-sig-request="${escape(this.sign(url.searchParams.get('user')))}" data-post-action="/answer"></iframe>`));
    }
    if (url.pathname === '/plain') { // the frame alone, also for browsers without scripts; nobody takes its answer
      const parent = encodeURIComponent(`${this.url}/plain`), tx = encodeURIComponent(this.sign(url.searchParams.get('user')).split(':')[0]);
      return html(page('One more step', `<iframe id="duo_iframe" title="Confirm that it is you" src="https://${this.registration.api_host}/frame/web/v1/auth?tx=${tx}&amp;parent=${parent}&amp;v=2.9"></iframe>`));
    }
    if (url.pathname === '/answer') {
      let body = '';
      for await (const part of request) body += part;
      const answer = new URLSearchParams(body).get('sig_response');
      this.answers.push(answer);
      const user = this.verify(answer);
      return html(user === null ? page('Not signed in', '') : page('Signed in', `<b id="who">${escape(user)}</b>`));
    }
    return response.writeHead(404, { 'Content-Type': 'text/html' }).end(page('Nothing here', ''));
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

// withoutCookies makes a window's browser refuse cookies of frames on other sites, as browsers now do.
export async function withoutCookies(window) {
  const session = await window.context.newCDPSession(window.page);
  await session.send('Network.enable');
  await session.send('Network.setCookieControls', { enableThirdPartyCookieRestriction: true, disableThirdPartyCookieMetadata: true, disableThirdPartyCookieHeuristics: true });
}

// opened goes to the application's page and gives the frame in it.
export async function opened(window, app, user) {
  await window.page.goto(app.address(user));
  return window.page.frameLocator('#duo_iframe');
}

// at waits until the frame shows a screen.
export async function at(frame, name) { await frame.locator(`body[data-screen="${name}"]`).waitFor(); }

// signedIn waits for the application and says who came back.
export async function signedIn(window, user) {
  await window.page.getByRole('heading', { name: 'Signed in' }).waitFor();
  assert.equal(await window.page.locator('#who').textContent(), user);
}
