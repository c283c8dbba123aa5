// The published Node client of the Auth API, unmodified, in both its signatures and through every address it can ask
// for. It knows no port and carries its own list of authorities: what leads it to the demo stands in Node, not in it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { globalAgent } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startDemo } from '../e2e/lib/demo.mjs';

// The client is installed with the other packages of e2e/.
const { Client, SIGNATURE_VERSION_2, SIGNATURE_VERSION_5 } = createRequire(new URL('../e2e/lib/duo.mjs', import.meta.url))('@duosecurity/duo_api');
const hostile = "al'ice (x)!*~ é+&=/";
const connect = globalAgent.createConnection;
let demo, app;

before(async () => {
  demo = await startDemo();
  app = demo.application('authapi');
  const [host, port] = app.api_host.split(':');
  app.host = host;
  const ca = readFileSync(demo.info.ca_file, 'utf8');
  globalAgent.createConnection = (options, done) => connect.call(globalAgent, { ...options, port, ca: [options.ca, ca].flat().filter(Boolean) }, done);
});
after(async () => {
  globalAgent.createConnection = connect;
  globalAgent.destroy();
  await demo?.close();
});

// phoneOf is a phone without a screen: it does what it is told and gives what it says.
const phoneOf = (name) => (...does) => demo.cli('phone', ...does, '--state', join(demo.info.data_dir, `${name}.json`), '--ca', demo.info.ca_file);

for (const [title, version] of [['second', SIGNATURE_VERSION_2], ['fifth', SIGNATURE_VERSION_5]]) {
  describe(`the official Node client of the Auth API, signing in the ${title} version`, () => {
    const name = `noor${version}`;
    const ask = (method, path, params = {}, secret = app.client_secret) => new Promise((resolve) => {
      new Client(app.client_id, secret, app.host, version).jsonApiCall(method, path, params, resolve);
    });
    const good = async (...question) => {
      const answer = await ask(...question);
      assert.equal(answer.stat, 'OK', JSON.stringify(answer));
      return answer.response;
    };
    const refused = async (code, detail, ...question) => {
      const answer = await ask(...question);
      assert.deepEqual([answer.stat, answer.code, answer.message_detail], ['FAIL', code, detail]);
      assert.ok(answer.message);
    };
    let phone, person;

    it('asks for the time, the keys and the logo', async () => {
      for (const path of ['ping', 'check']) assert.ok(Number.isInteger((await good('GET', `/auth/v2/${path}`)).time));
      const logo = await new Promise((resolve) => { new Client(app.client_id, app.client_secret, app.host, version).apiCall('GET', '/auth/v2/logo', {}, resolve); });
      assert.match(logo, /^.PNG/s);
      assert.equal(await good('GET', '/rest/v1/check'), 'valid');
    });

    it('is told what is wrong', async () => {
      await refused(40103, undefined, 'GET', '/auth/v2/check', {}, 'x'.repeat(40));
      await refused(40001, 'username', 'POST', '/auth/v2/preauth');
      await refused(40002, 'user_id', 'POST', '/auth/v2/preauth', { user_id: 'DU1' });
      await refused(40501, undefined, 'GET', '/auth/v2/preauth', { username: 'ana' });
      await refused(40401, undefined, 'POST', '/auth/v2/nothing', { username: 'ana' });
    });

    it('sends someone new, whatever the name, to the portal', async () => {
      const answer = await good('POST', '/auth/v2/preauth', { username: hostile, ipaddr: '192.0.2.7' });
      assert.equal(answer.result, 'enroll');
      assert.ok(answer.enroll_portal_url.startsWith(`${demo.info.url}/enroll/`));
    });

    it('registers a person, who then pairs a phone', async () => {
      person = await good('POST', '/auth/v2/enroll', { username: name, valid_secs: '600' });
      assert.equal(person.username, name);
      assert.ok(person.activation_barcode.startsWith(`https://${app.api_host}/frame/qr`), 'with the port, which the client does not know');
      await refused(40002, 'username already exists', 'POST', '/auth/v2/enroll', { username: name });
      const status = () => good('POST', '/auth/v2/enroll_status', { user_id: person.user_id, activation_code: person.activation_code });
      assert.equal(await status(), 'waiting');
      phone = phoneOf(name);
      await phone('pair', person.activation_url);
      assert.equal(await status(), 'success');
      const { result, devices } = await good('POST', '/auth/v2/preauth', { user_id: person.user_id });
      assert.equal(result, 'auth');
      assert.deepEqual(devices.map((d) => [d.type, d.capabilities]), [['phone', ['auto', 'push', 'mobile_otp']]]);
    });

    it('sends a request and asks what became of it', async () => {
      for (const [answer, result, ...reason] of [['approve', 'allow'], ['deny', 'deny', '--reason', 'mistake']]) {
        const { txid } = await good('POST', '/auth/v2/auth', { username: name, factor: 'push', device: 'auto', async: '1', type: 'Transfer', pushinfo: 'from=here&to=th%C3%A9re' });
        assert.equal((await good('GET', '/auth/v2/auth_status', { txid })).result, 'waiting');
        const told = good('GET', '/auth/v2/auth_status', { txid });
        await phone(answer, txid, ...reason);
        assert.equal((await told).result, result);
      }
      await refused(40002, 'txid', 'GET', '/auth/v2/auth_status', { txid: 'nothing' });
    });

    it('tries codes, and has no phone to call or text', async () => {
      const { code } = await phone('code');
      for (const [passcode, result] of [['000000', 'deny'], [code, 'allow'], [code, 'deny']]) {
        assert.equal((await good('POST', '/auth/v2/auth', { username: name, factor: 'passcode', passcode })).result, result);
      }
      for (const factor of ['phone', 'sms']) await refused(40002, 'no capable device', 'POST', '/auth/v2/auth', { username: name, factor, device: 'auto' });
    });
  });
}
