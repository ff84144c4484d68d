'use strict';
/** A launcher for tests that announces one program and becomes whatever it is told: launcher.js ANNOUNCED PROGRAM [ARGUMENT...] */
const path = require('node:path');

const compiled = (name) => require(path.join(__dirname, '../../dist/src', name));
const { WorkloadClient } = compiled('cli/workload-client');
const { systemClock } = compiled('system/clock');
const { execInPlace } = compiled('system/exec-in-place');

const [program, ...command] = process.argv.slice(2);
const client = new WorkloadClient(process.env.SPIFFE_ENDPOINT_SOCKET.replace('unix://', ''), systemClock);
client.begin({ name: 'announcer', program, argumentCount: command.length, confinement: process.env.SAY_CONFINED ?? '' }).then(() => {
  client.close();
  execInPlace({
    path: command[0],
    argv: command.map((argument) => Buffer.from(argument)),
    env: Object.entries(process.env).map(([name, value]) => Buffer.from(`${name}=${value}`)),
    descriptors: [],
    startedWith: undefined,
  });
});
