// What openssl, curl and a federated service make of the documents Mandate publishes.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { same } from './results.mjs';

/** Runs a program to its end; `input` is its standard input. Fails with what it printed. */
export function output(program, args, input = '') {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args[0]} failed: ${stderr}${stdout}${error.code ?? error.signal}`));
      else resolve(stdout);
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** The trust bundle as a SPIFFE document, by the command line. */
export const bundleDocument = async (mandate) => JSON.parse(await mandate.mandate('bundle', 'export', '--format', 'spiffe'));

/** Keeps `bundle export` as it is now; a later check with the same file shows that a restart changed nothing. */
export async function keepBundle(mandate) {
  const file = path.join(mandate.folder, 'b.pem');
  writeFileSync(file, await mandate.mandate('bundle', 'export'));
  return file;
}

/** A leaf, as a foreign client received it, verifies strictly against the exported bundle and against nothing else. */
export async function opensslVerifies(mandate, bundleFile, leafBase64) {
  const file = path.join(mandate.folder, 'leaf.pem');
  writeFileSync(file, `-----BEGIN CERTIFICATE-----\n${leafBase64.match(/.{1,64}/g).join('\n')}\n-----END CERTIFICATE-----\n`);
  for (const purpose of ['sslserver', 'sslclient']) {
    const said = await output('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', bundleFile, file]);
    same(said.trim(), `${file}: OK`, `openssl verify for ${purpose}`);
  }
  const empty = path.join(mandate.folder, 'empty.pem');
  writeFileSync(empty, '');
  const alone = await output('openssl', ['verify', '-x509_strict', '-no-CAfile', '-no-CApath', '-no-CAstore', file]).catch(() => 'refused');
  same(alone, 'refused', 'openssl verify without the bundle');
  return (await output('openssl', ['version'])).split(' (')[0].trim();
}

/** The bundle URL answers curl, which trusts the kept bundle file alone; returns the document. */
export async function curlFetches(mandate, bundleFile) {
  const args = ['--silent', '--show-error', '--fail', '--max-time', '20', '--noproxy', '*', '--cacert', bundleFile, mandate.bundleUrl];
  const text = await output('curl', args);
  const { keys } = JSON.parse(text);
  same([...new Set(keys.map(({ use }) => use))].sort(), ['jwt-svid', 'x509-svid'], 'uses of the keys');
  const untrusted = await output('curl', [...args.slice(0, 7), mandate.bundleUrl]).catch(() => 'refused');
  same(untrusted, 'refused', 'curl without the bundle');
  return text;
}

/** The published document as go-spiffe's federation reader reads it. */
export async function spiffeBundleParses(mandate, [program], document) {
  const read = JSON.parse(await output(program, ['bundle', mandate.trustDomain], document));
  const published = JSON.parse(document);
  const count = (use) => published.keys.filter((key) => key.use === use).length;
  same([read.x509, read.jwt], [count('x509-svid'), count('jwt-svid')], 'authorities read');
  same([read.hasSequence, read.hasHint && read.hintSeconds > 0], [true, true], 'sequence and refresh hint');
  return `sequence ${read.sequence}, refresh hint ${read.hintSeconds} s`;
}
