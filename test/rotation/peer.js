'use strict';
/**
 * One end of mutual TLS: `peer.js service stream|endpoint URL`, or `peer.js agent EVERY_MS PORT…`.
 *
 * Its identity comes from a stream of the Workload API and is put into a fresh TLS context each time. It trusts the bundle of that stream or,
 * as `endpoint`, only what it read from the bundle endpoint, every REFRESH_MS: what is signed by an authority that was not published in time
 * fails there. It says one JSON document a line, each refusal with its reason and when the certificates of both ends end, and ends with its
 * standard input.
 */
const path = require('node:path');
const https = require('node:https');
const tls = require('node:tls');
const { createPrivateKey, X509Certificate } = require('node:crypto');
const { create } = require('@bufbuild/protobuf');
const { Client, Metadata, credentials } = require('@grpc/grpc-js');

const compiled = (name) => require(path.join(__dirname, '../../dist/src', name));
const { grpcService } = compiled('wire/grpc');
const api = compiled('generated/proto/spiffe/workloadapi_pb');

const REFRESH_MS = 5_000;
const HANDSHAKE_MS = 10_000;
const RECONNECT_MS = 200;

const [role, ...args] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
process.stdin.on('end', () => process.exit(0)).resume();

/** Elements of concatenated DER as PEM. */
function pemOf(der) {
  const texts = [];
  for (let at = 0; at < der.length;) {
    const long = der[at + 1] & 0x80 ? der[at + 1] & 0x7f : 0;
    const length = long === 0 ? der[at + 1] : der.readUIntBE(at + 2, long);
    const end = at + 2 + long + length;
    texts.push(new X509Certificate(der.subarray(at, end)).toString());
    at = end;
  }
  return texts;
}

/** Calls `changed` with every new identity: PEM of chain, key and roots. */
function follow(changed) {
  const client = new Client(process.env.SPIFFE_ENDPOINT_SOCKET, credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 500,
  });
  const { fetchX509SVID } = grpcService(api.SpiffeWorkloadAPI);
  const header = new Metadata();
  header.set('workload.spiffe.io', 'true');
  const { path: method, requestSerialize, responseDeserialize } = fetchX509SVID;
  const open = () => {
    const call = client.makeServerStreamRequest(method, requestSerialize, responseDeserialize, create(api.X509SVIDRequestSchema), header);
    call.on('data', ({ svids: [svid] }) => {
      const key = createPrivateKey({ key: Buffer.from(svid.x509SvidKey), format: 'der', type: 'pkcs8' });
      const chain = pemOf(Buffer.from(svid.x509Svid));
      const endsMs = Date.parse(new X509Certificate(chain[0]).validTo);
      say({ leaf: { atMs: Date.now(), endsMs } });
      changed({
        endsMs,
        cert: chain.join(''),
        key: key.export({ format: 'pem', type: 'pkcs8' }),
        ca: pemOf(Buffer.from(svid.bundle)),
        trustDomain: svid.spiffeId.split('/').slice(0, 3).join('/'),
      });
    });
    call.on('error', () => setTimeout(open, RECONNECT_MS));
    call.on('end', () => undefined);
  };
  open();
}

/** The roots that the bundle endpoint publishes now. */
function readEndpoint(url, ca) {
  return new Promise((resolve, reject) => {
    const request = https.get(url, { ca, agent: false, timeout: REFRESH_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        const keys = JSON.parse(text).keys.filter(({ use }) => use === 'x509-svid');
        resolve(keys.map(({ x5c: [der] }) => new X509Certificate(Buffer.from(der, 'base64')).toString()));
      });
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
  });
}

function service(trust, url) {
  let server;
  let identity;
  let roots;
  const context = () => ({ cert: identity.cert, key: identity.key, ca: roots, minVersion: 'TLSv1.3' });
  const renew = () => (server ? server.setSecureContext(context()) : listen());
  const listen = () => {
    // Refused here and not by Node, which closes such a connection and tells neither side why.
    server = tls.createServer({ ...context(), requestCert: true, rejectUnauthorized: false }, (socket) => {
      socket.on('error', () => undefined);
      socket.end(socket.authorized ? 'accepted' : `refused: ${socket.authorizationError}`);
    });
    server.on('tlsClientError', (error) => say({ broken: error.code ?? error.message }));
    server.listen({ host: '127.0.0.1', port: 0 }, () => say({ port: server.address().port }));
  };
  const refresh = () =>
    readEndpoint(url, roots).then(
      (read) => {
        roots = read;
        renew();
      },
      // A server that is being started again is asked the next time.
      (error) => say({ notRead: error.code ?? error.message }),
    );
  follow((received) => {
    const first = identity === undefined;
    identity = received;
    if (trust === 'stream' || first) roots = received.ca;
    if (trust === 'endpoint' && first) {
      void refresh();
      setInterval(refresh, REFRESH_MS);
    } else renew();
  });
}

function agent(everyMs, ...ports) {
  let identity;
  let turn = 0;
  let accepted = 0;
  let failed = 0;
  const fail = (why, endsMs, serviceEndsMs) => {
    failed++;
    say({ failure: { why, atMs: Date.now(), endsMs, serviceEndsMs } });
  };
  const handshake = () => {
    const { cert, key, ca, trustDomain, endsMs } = identity;
    const port = Number(ports[turn++ % ports.length]);
    // A service has no name but its SPIFFE ID.
    const checkServerIdentity = (_, { subjectaltname }) =>
      subjectaltname === `URI:${trustDomain}/agent/${process.env.ROTATION_USER}`
        ? undefined
        : new Error(`another identity: ${subjectaltname}`);
    // Refused here and not by Node, after which the certificate could not be read any more.
    const socket = tls.connect({
      host: '127.0.0.1',
      port,
      cert,
      key,
      ca,
      checkServerIdentity,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.3',
    });
    let answer = '';
    let error;
    let serviceEndsMs;
    socket.once('secureConnect', () => {
      serviceEndsMs = Date.parse(socket.getPeerCertificate().valid_to);
      if (!socket.authorized) socket.destroy(new Error(`the service is refused: ${socket.authorizationError}`));
    });
    socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error('timeout')));
    socket.setEncoding('latin1').on('data', (text) => (answer += text));
    socket.on('error', (thrown) => (error = thrown));
    // Only an answer says that the service accepted our certificate: in TLS 1.3 the client is done before.
    socket.on('close', () =>
      answer === 'accepted'
        ? accepted++
        : fail(error?.code ?? error?.message ?? (answer || 'closed without an answer'), endsMs, serviceEndsMs),
    );
  };
  follow((received) => {
    const first = identity === undefined;
    identity = received;
    if (!first) return;
    say({ ready: true });
    setTimeout(() => setInterval(handshake, Number(everyMs)), Math.random() * Number(everyMs));
    setInterval(() => say({ accepted, failed }), 500);
  });
}

if (role === 'service') service(...args);
else agent(...args);
