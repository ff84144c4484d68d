// The process that spiffe-helper starts once its files are there, and signals whenever they are new: prints what they hold, never a key.
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = process.argv[2];
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const certificates = (name) => (read(name).match(PEM) ?? []).map((pem) => new X509Certificate(pem));
const read = (name) => readFileSync(path.join(folder, name), 'utf8');
const uriOf = ({ subjectAltName }) => /URI:(spiffe:[^,]+)/.exec(subjectAltName ?? '')?.[1];

/** For who watches the folder for files that are moved there: those of spiffe-helper are written in place. */
function move() {
  const file = path.join(folder, 'written');
  writeFileSync(`${file}.new`, '');
  renameSync(`${file}.new`, file);
}

function tell() {
  const [leaf] = certificates('svid.pem');
  const key = createPrivateKey(read('svid_key.pem'));
  // The next files are being written: another signal follows.
  if (leaf === undefined || !leaf.checkPrivateKey(key)) return;
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const roots = certificates('bundle.pem');
  if (!roots.some((root) => leaf.checkIssued(root) && leaf.verify(root.publicKey)))
    throw new Error('no authority beside the leaf has signed it');
  const x509Bundles = {};
  for (const root of roots) x509Bundles[uriOf(root)] = (x509Bundles[uriOf(root)] ?? 0) + 1;
  const svid = {
    id: uriOf(leaf),
    serial: leaf.serialNumber.toLowerCase().padStart(32, '0'),
    key: createHash('sha256').update(publicKey).digest('hex'),
  };
  move();
  process.stdout.write(`${JSON.stringify({ event: 'x509', svids: [svid], x509Bundles })}\n`);
}

function tryToTell() {
  try {
    tell();
  } catch ({ message }) {
    process.stdout.write(`${JSON.stringify({ event: 'error', text: message })}\n`);
  }
}

process.on('SIGHUP', tryToTell);
tryToTell();
// Nobody signals it any more once its parent is gone, whose standard input it shares.
process.stdin.on('end', () => process.exit(0)).resume();
