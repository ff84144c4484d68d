'use strict';
/** A process worth attacking: listens on an abstract socket, says `PID NAME`, and ends with its input. */
const net = require('node:net');

const name = `mandate-test-${process.pid}`;
const server = net.createServer((socket) => socket.destroy());
server.listen({ path: `\0${name}` }, () => console.log(`${process.pid} ${name}`));
process.stdin.on('end', () => process.exit(0)).resume();
