// The app and the server must build the same bytes: both read these vectors.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { hotp, secretKey } from '../assets/otp.js';
import { activationText, answerText, base64url, fromBase32, fromBase64url, instance, normalizeCode, requestText, sign, target } from '../assets/wire.js';

const vectors = JSON.parse(readFileSync(new URL('../../../base/phonewire/testdata/vectors.json', import.meta.url)));

test('a request text is the one the server checks', async () => {
  for (const v of vectors.requests) assert.equal(await requestText(v.Method, v.Host, v.Target, v.Time, v.Nonce, v.Body), v.Text);
});

test('an answer text is the one the server checks', () => {
  for (const v of vectors.answers) assert.equal(answerText(v.Answer), v.Text);
});

test('an activation text is the one the server checks', () => {
  for (const v of vectors.activations) assert.equal(activationText(v.Host, v.Activation), v.Text);
});

test('a storage is named to a server as the server checks', async () => {
  for (const v of vectors.instances) assert.equal(await instance(v.Host, v.ID), v.Instance);
});

test('codes are those of RFC 4226, also beyond 32 bits of counter', async () => {
  for (const v of vectors.hotp) assert.equal(await hotp(await secretKey(v.Secret), v.Counter, 6), v.Code);
});

test('the code secret cannot be read back', async () => {
  const key = await secretKey(vectors.hotp[0].Secret);
  assert.equal(key.extractable, false);
  await assert.rejects(crypto.subtle.exportKey('raw', key));
});

test('a typed code has one spelling', () => {
  for (const [given, want] of Object.entries(vectors.codes)) assert.equal(normalizeCode(given), want);
});

test('a signature is 64 bytes and verifies', async () => {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const raw = fromBase64url(await sign(pair.privateKey, 'text'));
  assert.equal(raw.length, 64);
  assert.ok(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, pair.publicKey, raw, new TextEncoder().encode('text')));
});

test('base64url and base32 go both ways', () => {
  assert.equal(base64url(Uint8Array.of(251, 255, 0)), '-_8A');
  assert.deepEqual(fromBase64url('-_8A'), Uint8Array.of(251, 255, 0));
  assert.equal(new TextDecoder().decode(fromBase32('gezd gnbv gy3t qojq')), '1234567890');
  assert.throws(() => fromBase32('0'));
});

test('a link, a typed code and another server are told apart', () => {
  const here = 'https://sign.example';
  assert.deepEqual(target(' 7kqm-2xwn ', here), { code: '7KQM2XWN' });
  assert.deepEqual(target('https://sign.example/a/hM3_Yx-0aVbQ2', here), { code: 'hM3_Yx-0aVbQ2' });
  assert.deepEqual(target('https://sign.example/app/?p=abcd1234', here), { code: 'ABCD1234' });
  assert.equal(target('https://other.example/a/abcd1234', here).origin, 'https://other.example');
  for (const bad of ['', 'abc', 'https://sign.example/', 'https://sign.example/a/b/c', 'javascript:alert(1)', 'otpauth://totp/x']) assert.equal(target(bad, here), null);
});
