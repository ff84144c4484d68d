'use strict';
/**
 * A process that stops being what it was while it waits for an SVID: swapper.js exec-jwt | exec-x509 | setuid-jwt.
 *
 * It speaks HTTP/2 by hand, since the connection has to outlive the program: after a first answer it says `warm`, on any line of input it
 * asks again (exec-x509 keeps its stream instead), waits until the node has read that, says `asked`, and at once becomes `cat` on the same
 * connection, or another user. What arrives from then on goes to standard output as it came.
 */
const { createConnection } = require('node:net');
const koffi = require('koffi');

const [mode] = process.argv.slice(2);
const libc = koffi.load(null);
const fcntl = libc.func('int fcntl(int, int, int)');
const dup2 = libc.func('int dup2(int, int)');
const execve = libc.func('int execve(const char *, const char **, const char **)');
const [F_SETFD, F_SETFL] = [2, 4];
const [DATA, HEADERS, SETTINGS, PING] = [0, 1, 4, 6];
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
const SERVICE = '/SpiffeWorkloadAPI/';

const socket = createConnection(process.env.SPIFFE_ENDPOINT_SOCKET.replace(/^unix:(\/\/)?/, ''));
const say = (line) => process.stderr.write(`${line}\n`);
const frame = (type, flags, stream, payload) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
};
/** HPACK literals without indexing (RFC 7541 §6.2.2): no state that could get out of step. */
const literal = (text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
const headers = (method) =>
  Buffer.concat(
    [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', SERVICE + method],
      [':authority', 'localhost'],
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['workload.spiffe.io', 'true'],
    ].flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]),
  );
const message = (bytes) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const call = (stream, method, request) =>
  socket.write(
    Buffer.concat([frame(HEADERS, END_HEADERS, stream, headers(method)), frame(DATA, END_STREAM, stream, message(Buffer.from(request)))]),
  );
const askJwt = (stream) => call(stream, 'FetchJWTSVID', '\x0a\x04swap');
const ping = () => socket.write(frame(PING, 0, 0, Buffer.alloc(8)));

let rest = Buffer.alloc(0);
let swapped = false;
let asked = false;
socket.on('data', (chunk) => {
  if (swapped) return void process.stdout.write(chunk);
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
    const [length, type, flags, stream] = [rest.readUIntBE(0, 3), rest[3], rest[4], rest.readUInt32BE(5)];
    const payload = rest.subarray(9, 9 + length);
    rest = rest.subarray(9 + length);
    arrived(type, flags, stream, payload);
  }
});
socket.on('close', () => process.exit(0));

let answered = false;
function arrived(type, flags, stream, payload) {
  if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0, Buffer.alloc(0)));
  if (type === PING && (flags & ACK) === 0) socket.write(frame(PING, ACK, 0, payload));
  if (type === DATA && stream === 1 && payload.length > 5) answered = true;
  if (type === DATA && stream === 1 && mode === 'exec-x509' && answered && !asked) say('warm');
  if (type === HEADERS && stream === 1 && (flags & END_STREAM) !== 0) say(answered ? 'warm' : 'refused');
  // The node answers a ping after it has read what came before it.
  if (type === PING && (flags & ACK) !== 0 && asked && !swapped) swap();
}

function swap() {
  swapped = true;
  say('asked');
  if (mode === 'setuid-jwt') {
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
    say('swapped');
    return;
  }
  const fd = socket._handle.fd;
  fcntl(fd, F_SETFL, 0);
  dup2(fd, 0);
  // Standard output and error were made non-blocking and close-on-exec by nobody; cat inherits them.
  for (const kept of [0, 1, 2]) fcntl(kept, F_SETFD, 0);
  execve('/bin/cat', ['cat', null], ['PATH=/usr/bin:/bin', null]);
  say('exec failed');
  process.exit(1);
}

process.stdin.once('data', () => {
  asked = true;
  if (mode !== 'exec-x509') askJwt(3);
  ping();
});
socket.on('connect', () => {
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0, Buffer.alloc(0))]));
  if (mode === 'exec-x509') call(1, 'FetchX509SVID', '');
  else askJwt(1);
});
