// The official Node client, unmodified, for tests in e2e/ and compat/ (compat/ has no modules of its own).
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const tls = require('node:tls');

export const { Client } = require('@duosecurity/duo_universal');

const trusted = [];
const original = tls.createSecureContext;

// trust makes this process accept certificates of one more authority. The client carries its own list of authorities
// and has no option for it, so the list is lengthened where Node builds it; the client's code stays as published.
export function trust(caFile) {
  trusted.push(readFileSync(caFile, 'utf8'));
  tls.createSecureContext = (options = {}) => original({
    ...options,
    ca: [...(options.ca ? [options.ca].flat(Infinity) : tls.rootCertificates), ...trusted],
  });
}

// newClient makes a client for an application of a demo (see demo.mjs), which it then trusts.
export function newClient(demo, application, redirectUrl) {
  if (demo.info.ca_file) trust(demo.info.ca_file);
  return new Client({
    clientId: application.client_id,
    clientSecret: application.client_secret,
    apiHost: application.api_host,
    redirectUrl,
  });
}
