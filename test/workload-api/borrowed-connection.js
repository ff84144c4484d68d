'use strict';
/** A process that did not make the connection it was given as descriptor 3: it asks over it, or waits for its end. */
const http2 = require('node:http2');
const net = require('node:net');

const [, , mode, id] = process.argv;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const socket = new net.Socket({ fd: 3 });

if (mode === 'wait') {
  socket.on('error', () => undefined);
  socket.on('close', () => {
    say({ id, ended: true });
    process.exit(0);
  });
  socket.resume();
  say({ id, waiting: process.pid });
} else {
  const session = http2.connect('http://localhost', { createConnection: () => socket });
  session.on('error', () => undefined);
  const request = session.request({
    ':method': 'POST',
    ':path': '/SpiffeWorkloadAPI/FetchX509SVID',
    'content-type': 'application/grpc',
    te: 'trailers',
    'workload.spiffe.io': 'true',
  });
  let messages = 0;
  let status = null;
  const note = (fields) => (status = fields['grpc-status'] === undefined ? status : Number(fields['grpc-status']));
  request.on('response', note);
  request.on('trailers', note);
  request.on('data', () => messages++);
  request.on('error', () => undefined);
  request.on('close', () => {
    say({ id, ended: true, status, messages });
    process.exit(0);
  });
  request.end(Buffer.alloc(5));
}
