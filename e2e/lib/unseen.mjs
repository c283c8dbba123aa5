// A window's way through a sign-in with its own cookies and without its screen: no page is drawn and no script runs.
// For the steps that lead to what a test is about.
import assert from 'node:assert/strict';

export class Unseen {
  #request;
  #html = '';

  constructor(window) { this.#request = window.context.request; }

  // open goes to an address and where that leads.
  async open(address) { await this.#take(await this.#request.get(address)); }

  // send sends the page's form with this address, or ending of one.
  async send(ending) {
    const [, action, token] = this.#form(ending) ?? assert.fail(`no form to ${ending} at ${this.at.pathname}: ${this.#html}`);
    await this.#take(await this.#request.post(new URL(action, this.at).href, { form: { form_token: token } }));
  }

  // has reports whether send can send such a form.
  has(ending) { return this.#form(ending) !== null; }

  // pairingLink is the link to set up a phone that the page shows.
  get pairingLink() { return this.#find(/href="([^"]+\/a\/[^"]+)"/) ?? assert.fail(`no pairing link at ${this.at.pathname}: ${this.#html}`); }

  // number is the one to type on the phone, or '' when the page asks for none.
  get number() { return (this.#find(/class="digits[^>]*>(.*?)<\/p>/s) ?? '').replace(/<[^>]*>/g, '').replace(/\D/g, ''); }

  async #take(answer) {
    this.#html = await answer.text();
    this.at = new URL(answer.url());
    assert.ok(answer.ok(), `${this.at.pathname} answers ${answer.status()}: ${this.#html}`);
  }

  #form(ending) { return new RegExp(`action="([^"]*${ending})"[^>]*>\\s*<input type="hidden" name="form_token" value="([^"]*)"`).exec(this.#html); }

  #find(pattern) { return pattern.exec(this.#html)?.[1]; }
}
