'use strict';
/**
 * What one process tries on another of its user: attacker.js VICTIM prints how each attempt ended, `ok` or the errno, as one JSON document.
 * VICTIM is `PID SOCKET` as victim.js says it, or `child` for a victim that is started first.
 */
const { openSync, readFileSync, readlinkSync } = require('node:fs');
const { spawn } = require('node:child_process');
const { constants } = require('node:os');
const net = require('node:net');
const path = require('node:path');
const koffi = require('koffi');

const libc = koffi.load(null);
const syscall = libc.func('long syscall(long number, long a, long b, long c, long d)');
const ptrace = libc.func('long ptrace(long request, int pid, void *address, void *data)');
const readv = libc.func('long process_vm_readv(int pid, void *local, ulong locals, void *remote, ulong remotes, ulong flags)');

const PTRACE_ATTACH = 16;
const PTRACE_DETACH = 17;
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;

const named = (number) => Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
const outcome = (result) => (result < 0 ? named(koffi.errno()) : 'ok');
const tried = (attempt) => {
  try {
    attempt();
    return 'ok';
  } catch (error) {
    return error.code;
  }
};

function traced(pid) {
  const attached = outcome(ptrace(PTRACE_ATTACH, pid, null, null));
  if (attached === 'ok') {
    libc.func('int waitpid(int pid, void *status, int options)')(pid, null, 0x40000000);
    ptrace(PTRACE_DETACH, pid, null, null);
  }
  return attached;
}

function vector(address, length) {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(BigInt(address), 0);
  bytes.writeBigUInt64LE(BigInt(length), 8);
  return bytes;
}

/** One byte from where the victim's memory begins; the address is no secret to a reader of its maps, and without them none is needed. */
function memoryRead(pid) {
  const start = /^([0-9a-f]+)-/.exec(readFileSync('/proc/self/maps', 'latin1'))[1];
  let address = `0x${start}`;
  try {
    address = `0x${/^([0-9a-f]+)-/.exec(readFileSync(`/proc/${pid}/maps`, 'latin1'))[1]}`;
  } catch {
    // The attempt itself is to say why not.
  }
  const local = koffi.alloc('uint8_t', 1);
  return outcome(readv(pid, vector(koffi.address(local), 1), 1, vector(address, 1), 1, 0));
}

const connected = (name) =>
  new Promise((resolve) => {
    const socket = net.connect({ path: `\0${name}` });
    socket.on('connect', () => (socket.destroy(), resolve('ok'))).on('error', ({ code }) => resolve(code));
  });

async function attack(pid, name) {
  const pidfd = syscall(PIDFD_OPEN, pid, 0, 0, 0);
  return {
    environ: tried(() => readFileSync(`/proc/${pid}/environ`)),
    mem: tried(() => openSync(`/proc/${pid}/mem`, 'r')),
    descriptors: tried(() => readlinkSync(`/proc/${pid}/fd/0`)),
    ptrace: traced(pid),
    readv: memoryRead(pid),
    getfd: outcome(syscall(PIDFD_GETFD, pidfd, 0, 0, 0)),
    signal: tried(() => process.kill(pid, 'SIGCONT')),
    abstract: await connected(name),
  };
}

async function victimOf([first, second]) {
  if (first !== 'child') return [Number(first), second];
  const child = spawn(process.execPath, [path.join(__dirname, 'victim.js')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = await require('node:events').once(child.stdout, 'data');
  child.unref();
  process.on('exit', () => child.kill('SIGKILL'));
  return [child.pid, String(said).trim().split(' ')[1]];
}

victimOf(process.argv.slice(2))
  .then(([pid, name]) => attack(pid, name))
  .then((outcomes) => {
    console.log(JSON.stringify(outcomes));
    process.exit(0);
  });
