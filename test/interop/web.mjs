// The web's side of an installation: an authority that is nobody's, the certificate of its https_web endpoint, and what is read there.
import { chownSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { output } from './documents.mjs';

const OPENED_MS = 60_000;

/** Settings of an installation with an https_web endpoint on this port, which is its OpenID Connect issuer as well. */
export const webSettings = (port) => (folder) => ({
  web: { port, name: 'localhost', certificate: path.join(folder, 'web.pem'), key: path.join(folder, 'web.key') },
  oidc: { issuer: issuerAt(port) },
});

export const issuerAt = (port) => `https://localhost:${port}`;

/** Gives a running installation its certificate and waits until the endpoint is open; returns the file of the authority. */
export async function openWebEndpoint(mandate, port) {
  const file = (name) => path.join(mandate.folder, name);
  const openssl = (...args) => output('openssl', args);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await openssl('req', '-x509', ...key, '-subj', '/CN=web', '-keyout', file('web-ca.key'), '-out', file('web-ca.pem'));
  const extensions = [
    ...['-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE'],
    ...['-addext', 'keyUsage=critical,digitalSignature', '-addext', 'extendedKeyUsage=serverAuth'],
  ];
  const issuer = ['-CA', file('web-ca.pem'), '-CAkey', file('web-ca.key')];
  await openssl(
    'req',
    '-x509',
    ...issuer,
    ...key,
    '-subj',
    '/CN=localhost',
    ...extensions,
    '-keyout',
    file('web.key'),
    '-out',
    file('web.pem'),
  );
  // As root the server has a uid of its own, drawn at the first start.
  const { accounts } = JSON.parse(readFileSync(path.join(mandate.state, 'installation.json'), 'utf8'));
  if (accounts) for (const name of ['web.key', 'web.pem']) chownSync(file(name), accounts.server.uid, accounts.server.gid);
  await opened(`${issuerAt(port)}/bundle`, file('web-ca.pem'));
  return file('web-ca.pem');
}

async function opened(url, ca) {
  for (const deadline = Date.now() + OPENED_MS; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
    const failure = await jsonAt(url, ca).then(
      () => undefined,
      (error) => error,
    );
    if (failure === undefined) return;
    if (Date.now() > deadline) throw new Error(`the web endpoint did not open: ${failure.message}`);
  }
}

/** A document by HTTPS, from whoever this authority vouches for. */
export function jsonAt(url, caFile) {
  return new Promise((resolve, reject) => {
    request(url, { ca: readFileSync(caFile), agent: false, family: 4 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      answer.on('end', () => (answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`${url}: ${answer.statusCode}`))));
    })
      .on('error', reject)
      .end();
  });
}
