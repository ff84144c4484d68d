'use strict';
/** Loaded into an allowed Node.js: asks for an SVID, and says what came back. */
const { connect } = require('node:net');
const { readFileSync } = require('node:fs');

let received = Buffer.alloc(0);
const socket = connect(process.env.ATTACK_SOCKET, () => socket.write(readFileSync('request')));
const end = () => {
  process.stdout.write(`${JSON.stringify({ stream: 1, hex: received.toString('hex') })}\n`);
  process.exit(0);
};

function answered() {
  for (let at = 0; at + 9 <= received.length; at += 9 + received.readUIntBE(at, 3)) {
    const [length, kind, flags, stream] = [received.readUIntBE(at, 3), received[at + 3], received[at + 4], received.readUInt32BE(at + 5)];
    if (at + 9 + length > received.length || stream !== 1) continue;
    if (kind === 3 || (kind === 0 && length > 5) || (kind === 1 && (flags & 1) !== 0)) return true;
  }
  return false;
}

socket.on('data', (chunk) => {
  received = Buffer.concat([received, chunk]);
  if (answered()) end();
});
socket.on('error', () => undefined);
socket.on('close', end);
