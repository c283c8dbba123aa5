// An application of the kind people protect: it sends its visitors to the prompt through the official Node client and
// says who came back. Unlike the demo's sample application it takes any user name, so every test has a person of its own.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { newClient } from './duo.mjs';

const page = (title, body = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"></head><body><main><h1>${title}</h1>${body}</main></body></html>`;

export class Application {
  visits = new Map(); // state -> user name

  // start makes the application known with `app add FLAGS` and serves it on a port from the kernel.
  static async start(demo, name, ...flags) {
    const app = new Application();
    app.registration = await demo.cli('app', 'add', '--name', name, '--type', 'websdk', ...flags);
    app.name = name;
    app.public = new URL(demo.info.url);
    app.server = createServer((request, response) => {
      app.#serve(request, response).catch((err) => response.writeHead(502, { 'Content-Type': 'text/html' }).end(page('Not signed in', `<p id="why"></p>`).replace('id="why">', `id="why">${String(err.message).replaceAll('<', '&lt;')}`)));
    });
    await new Promise((resolve) => app.server.listen(0, '127.0.0.1', resolve));
    app.url = `http://localhost:${app.server.address().port}`;
    app.client = newClient(demo, app.registration, `${app.url}/callback`);
    return app;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    if (url.pathname === '/login') return response.writeHead(303, { Location: await this.address(url.searchParams.get('user')), 'Cache-Control': 'no-store' }).end();
    if (url.pathname === '/callback') {
      const state = url.searchParams.get('state');
      const user = this.visits.get(state);
      this.visits.delete(state); // used up before anything else is looked at
      assert.ok(user, 'this sign-in was already used');
      const token = await this.client.exchangeAuthorizationCodeFor2FAResult(url.searchParams.get('duo_code'), user);
      return response.writeHead(303, { Location: `/in?user=${encodeURIComponent(token.preferred_username)}&factor=${encodeURIComponent(token.auth_context.factor)}` }).end();
    }
    if (url.pathname === '/in') {
      return response.writeHead(200, { 'Content-Type': 'text/html' }).end(page('Signed in', `<p><b id="who">${url.searchParams.get('user')}</b> by <b id="how">${url.searchParams.get('factor')}</b></p>`));
    }
    return response.writeHead(404, { 'Content-Type': 'text/html' }).end(page('Nothing here'));
  }

  // address starts a sign-in at the prompt. The demo's pages are at its plain address, where browsers need no certificate.
  async address(user) {
    const state = this.client.generateState();
    this.visits.set(state, user);
    const there = new URL(await this.client.createAuthUrl(user, state));
    there.protocol = this.public.protocol;
    there.host = this.public.host;
    return there.href;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
