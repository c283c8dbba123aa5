// The texts that a phone signs, and the encodings around them. The counterpart in Go is internal/base/phonewire. Both are
// tested with the same vectors.

const utf8 = new TextEncoder();

export function base64url(bytes) {
  let s = '';
  for (const b of new Uint8Array(bytes)) s += String.fromCharCode(b);
  return btoa(s).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

export function fromBase64url(text) {
  const s = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(s, (c) => c.charCodeAt(0));
}

export function fromBase32(text) {
  const out = [];
  let bits = 0, value = 0;
  for (const c of text.toUpperCase().replace(/[ =-]/g, '')) {
    const v = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c);
    if (v < 0) throw new Error('not base32');
    value = (value << 5 | v) & 0xfff;
    if ((bits += 5) >= 8) out.push(value >> (bits -= 8) & 255);
  }
  return Uint8Array.from(out);
}

function text(name, ...fields) {
  return name + '\n' + fields.map((f) => `${utf8.encode(f).length}:${f}\n`).join('');
}

export async function sha256(bytes) { return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)); }

export async function requestText(method, host, target, time, nonce, body) {
  const sum = [...await sha256(utf8.encode(body))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return text('countersign-phone-request-1', method, host.toLowerCase(), target, String(time), nonce, sum);
}

export function answerText(a) {
  return text('countersign-phone-answer-1', a.transaction, a.application, a.user, a.phone, a.decision, a.reason,
    a.number, String(a.expires), String(a.counter));
}

export function activationText(host, a) {
  const fields = [host.toLowerCase(), a.code, a.public_key, a.platform, a.model, a.name, a.app_version];
  return a.instance ? text('countersign-phone-activation-2', ...fields, a.instance) : text('countersign-phone-activation-1', ...fields);
}

// instance is what a server is told of the storage that the keys lie in, by which it knows the same phone again.
export async function instance(host, id) {
  return base64url(await sha256(utf8.encode(text('countersign-phone-instance-1', host.toLowerCase(), id))));
}

export async function sign(key, signed) {
  return base64url(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, utf8.encode(signed)));
}

// normalizeCode returns the one spelling of a typed code. A code from a link is only trimmed.
export function normalizeCode(code) {
  code = code.trim();
  const short = code.replace(/[ \-\u2010\u2011\u2013\u00a0]/g, '').replace(/o/gi, '0').replace(/[il]/gi, '1').toUpperCase();
  return /^[0-9A-HJKMNP-TV-Z]{8}$/.test(short) ? short : code;
}

// target reads what a person has typed, pasted or scanned. It returns {code}, {code, origin, href} for another server, or
// null.
export function target(given, origin) {
  given = given.trim();
  if (/^https?:\/\//i.test(given)) {
    let url;
    try { url = new URL(given); } catch { return null; }
    const path = /^\/a\/([A-Za-z0-9_-]{4,128})$/.exec(url.pathname);
    const code = path ? path[1] : url.pathname === '/app/' ? url.searchParams.get('p') : null;
    if (!code) return null;
    return url.origin === origin ? { code: normalizeCode(code) } : { code, origin: url.origin, href: url.href };
  }
  const code = normalizeCode(given);
  return /^[A-Za-z0-9_-]{8,128}$/.test(code) ? { code } : null;
}
