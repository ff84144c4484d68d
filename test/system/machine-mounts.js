// Run by machine-mounts.test.ts in a pid namespace of its own, in other mounts than process 1: says whose paths are believed.
const { readlinkSync } = require('node:fs');
const { PinnedProcesses } = require('../../src/system/processes.ts');
const { Readiness } = require('../../src/system/readiness.ts');
const { ownNamespaces } = require('../../src/system/own-namespaces.ts');

const silent = { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const processes = new PinnedProcesses(new Readiness(silent));
const believed = (pid) => processes.fromPid(Number(pid)).sameMounts();
const mounts = (pid) => readlinkSync(`/proc/${pid}/ns/mnt`);

const [ofTheMachine, ofAThird] = process.argv.slice(2);
const settled = setInterval(() => {
  if (mounts(ofAThird) === mounts(1)) return; // not there yet
  clearInterval(settled);
  console.log(
    JSON.stringify({
      ofTheMachine: believed(ofTheMachine),
      ofTheNode: believed(process.pid),
      ofAThird: believed(ofAThird),
      apart: mounts('self') !== mounts(1) && ownNamespaces()['ns/mnt'] === mounts(1),
    }),
  );
  process.exit(0);
}, 5);
