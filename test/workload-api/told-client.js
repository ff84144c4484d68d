'use strict';
/**
 * A Workload API client with no manners: it sends the HTTP/2 requests and raw bytes it is told to, and says what comes back, one JSON
 * document a line. Commands are JSON documents on standard input, one a line; its end ends the client.
 */
const http2 = require('node:http2');
const net = require('node:net');
const readline = require('node:readline');
const { spawn } = require('node:child_process');
const path = require('node:path');

const socketPath = (process.env.SPIFFE_ENDPOINT_SOCKET ?? '').replace(/^unix:\/\//, '');
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const sessions = new Map();
const streams = new Map();
const sockets = new Map();

/** The HTTP/2 session of that name, made on first use. */
function session(name) {
  const known = sessions.get(name);
  if (known && !known.session.destroyed) return known;
  const socket = net.connect(socketPath);
  const made = { socket, session: http2.connect('http://localhost', { createConnection: () => socket }) };
  made.session.on('error', (error) => say({ connection: name, error: error.code ?? error.message }));
  made.session.on('close', () => say({ connection: name, closed: true }));
  made.session.on('goaway', (goaway) => say({ id: name, goaway }));
  sessions.set(name, made);
  return made;
}

/** One request; messages and status are told under its id. */
function open({ id, connection, path: method, headers, body, half }) {
  const request = session(connection).session.request({
    ':method': 'POST',
    ':path': method,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  streams.set(id, request);
  let pending = Buffer.alloc(0);
  let status;
  const note = (fields) => {
    if (fields['grpc-status'] === undefined) return;
    status = Number(fields['grpc-status']);
    const refusal = fields['mandate-refusal-bin'];
    say({ id, status, message: decodeURIComponent(fields['grpc-message'] ?? ''), refusal });
    if (half) request.close(http2.constants.NGHTTP2_NO_ERROR);
  };
  request.on('response', note);
  request.on('trailers', note);
  request.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const length = pending.readUInt32BE(1);
      say({ id, data: pending.subarray(5, 5 + length).toString('base64') });
      pending = pending.subarray(5 + length);
    }
  });
  request.on('error', () => undefined);
  request.on('close', () => {
    streams.delete(id);
    say({ id, ended: true, status: status ?? null, reset: request.rstCode });
  });
  const bytes = Buffer.from(body, 'base64');
  if (half) request.write(bytes);
  else request.end(bytes);
}

/** A connection without HTTP/2: what comes back is told, and that it was closed. */
function raw({ id, bytes }) {
  const socket = net.connect(socketPath, () => {
    if (bytes !== '') socket.write(Buffer.from(bytes, 'base64'));
    say({ id, connected: true });
  });
  sockets.set(id, socket);
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.on('error', () => undefined);
  socket.on('close', () => say({ id, ended: true, received }));
}

/** Connects, then lets a child speak over the connection: what the child was answered is told by the child. */
function lend({ id }) {
  const socket = net.connect({ path: socketPath, onread: { buffer: Buffer.alloc(1), callback: () => false } }, () => {
    const child = spawn(process.execPath, [path.join(__dirname, 'borrowed-connection.js'), 'ask', id], {
      stdio: ['ignore', 'inherit', 'inherit', socket],
    });
    child.on('exit', () => socket.destroy());
  });
  socket.pause();
  sockets.set(id, socket);
}

/** Gives a child a copy of a live connection; it tells when the connection ends, and outlives us. */
function share({ id, connection }) {
  const { socket } = session(connection);
  spawn(process.execPath, [path.join(__dirname, 'borrowed-connection.js'), 'wait', id], {
    stdio: ['ignore', 'inherit', 'inherit', socket],
  });
}

const COMMANDS = {
  open,
  raw,
  lend,
  share,
  cancel: ({ id }) => streams.get(id)?.close(http2.constants.NGHTTP2_CANCEL),
  ping: ({ id, connection }) => session(connection).session.ping((error) => say({ id, ponged: error === null })),
  disconnect: ({ connection }) => sessions.get(connection)?.session.destroy(),
};

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    COMMANDS[command.do](command);
  })
  .on('close', () => process.exit(0));
say({ started: process.pid });
