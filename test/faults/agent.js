'use strict';
/**
 * One agent of the load, and with `drive` the parent of many: agent.js FOLDER INDEX JWT_EVERY_MS, or agent.js drive FOLDER COUNT JWT_EVERY_MS.
 *
 * It knows the wire and nothing of mandate's code. Each credential is in its oracle file, fsynced, before anything is done with it.
 *   FOLDER/oracle/INDEX.jsonl  credentials      FOLDER/asks/INDEX.jsonl  requests that ended
 *   FOLDER/flight              per agent two little-endian u64: requests begun, requests ended
 */
const { spawn } = require('node:child_process');
const { createHash, createPrivateKey, createPublicKey, X509Certificate } = require('node:crypto');
const { closeSync, fsyncSync, openSync, readFileSync, writeSync } = require('node:fs');
const path = require('node:path');

const args = process.argv.slice(2);
// Whoever started us is gone: so are we.
process.stdin.on('end', () => process.exit(0)).resume();
if (args[0] === 'drive') drive(...args.slice(1));
else act(...args);

function drive(folder, count, everyMs) {
  for (let index = 0; index < Number(count); index++)
    spawn(process.execPath, [__filename, folder, String(index), everyMs], { stdio: ['pipe', 'inherit', 'inherit'] });
}

function act(folder, index, everyMs) {
  const { Client, credentials, Metadata } = require('@grpc/grpc-js');
  const oracle = openSync(path.join(folder, 'oracle', `${index}.jsonl`), 'a', 0o600);
  const asks = openSync(path.join(folder, 'asks', `${index}.jsonl`), 'a', 0o600);
  const flight = openSync(path.join(folder, 'flight'), 'r+');
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const who = { pid: process.pid, startTicks: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] };
  const metadata = new Metadata();
  metadata.set('workload.spiffe.io', 'true');
  const client = new Client(process.env.SPIFFE_ENDPOINT_SOCKET, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.min_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 500,
  });
  const same = (bytes) => bytes;

  function received(line) {
    writeSync(oracle, `${JSON.stringify({ ...who, ...line, atMs: Date.now() })}\n`);
    fsyncSync(oracle);
  }

  let last = '';
  function watch() {
    const stream = client.makeServerStreamRequest('/SpiffeWorkloadAPI/FetchX509SVID', same, same, Buffer.alloc(0), metadata);
    stream.on('data', (message) => {
      for (const svid of all(message, 1)) {
        const leaf = new X509Certificate(one(svid, 2));
        const serial = leaf.serialNumber.toLowerCase().padStart(32, '0');
        if (serial === last) continue;
        last = serial;
        const spki = leaf.publicKey.export({ type: 'spki', format: 'der' });
        const spiffeId = leaf.subjectAltName.replace(/^URI:/, '');
        received({ kind: 'x509-svid', serial, keySha256: createHash('sha256').update(spki).digest('hex'), spiffeId });
        const key = createPublicKey(createPrivateKey({ key: Buffer.from(one(svid, 3)), format: 'der', type: 'pkcs8' }));
        if (!key.export({ type: 'spki', format: 'der' }).equals(spki)) received({ kind: 'fault', serial, spiffeId, keySha256: null });
      }
    });
    stream.on('error', () => setTimeout(watch, 200));
    stream.on('end', () => undefined);
  }

  let begun = 0n;
  let ended = 0n;
  function count() {
    const slot = Buffer.alloc(16);
    slot.writeBigUInt64LE(begun, 0);
    slot.writeBigUInt64LE(ended, 8);
    writeSync(flight, slot, 0, 16, Number(index) * 16);
  }

  const audience = Buffer.from('faults');
  const request = Buffer.concat([Buffer.from([0x0a, audience.length]), audience]);
  function ask() {
    const fromMs = Date.now();
    begun += 1n;
    count();
    client.makeUnaryRequest(
      '/SpiffeWorkloadAPI/FetchJWTSVID',
      same,
      same,
      request,
      metadata,
      { deadline: fromMs + 20_000 },
      (error, message) => {
        if (!error) {
          for (const svid of all(message, 1)) {
            const claims = JSON.parse(Buffer.from(one(svid, 2).toString().split('.')[1], 'base64url').toString());
            received({ kind: 'jwt-svid', serial: claims.jti, keySha256: null, spiffeId: claims.sub });
          }
        }
        ended += 1n;
        count();
        writeSync(asks, `${JSON.stringify({ fromMs, toMs: Date.now(), code: error ? error.code : 0 })}\n`);
        setTimeout(ask, Math.max(0, Number(everyMs) - (Date.now() - fromMs)));
      },
    );
  }

  watch();
  setTimeout(ask, (Number(index) * 37) % Number(everyMs));
  process.on('exit', () => closeSync(oracle));
}

/** Length-delimited fields of a protobuf message; these messages have no others. */
function* fields(message) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    if ((tag & 7) !== 2) throw new Error(`wire type ${tag & 7}`);
    const length = varint();
    yield [tag >> 3, message.subarray(at, at + length)];
    at += length;
  }
}

function all(message, number) {
  return [...fields(message)].filter(([field]) => field === number).map(([, bytes]) => bytes);
}

function one(message, number) {
  return all(message, number)[0] ?? Buffer.alloc(0);
}
