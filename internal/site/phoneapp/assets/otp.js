// One-time codes without a connection (RFC 4226, RFC 6238). The secret is a WebCrypto key that cannot be exported.
import { fromBase32 } from './wire.js';

export function secretKey(base32) {
  return crypto.subtle.importKey('raw', fromBase32(base32), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']);
}

export async function hotp(key, counter, digits) {
  const moving = new DataView(new ArrayBuffer(8));
  moving.setUint32(0, Math.floor(counter / 2 ** 32));
  moving.setUint32(4, counter % 2 ** 32);
  const sum = new DataView(await crypto.subtle.sign('HMAC', key, moving.buffer));
  const number = sum.getUint32(sum.getUint8(19) & 15) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, '0');
}

export const step = (ms, period) => Math.floor(ms / 1000 / period);
