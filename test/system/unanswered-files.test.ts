import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sourceArguments, talkTo } from './peers';

const PYTHON = '/usr/bin/python3';
const possible = process.geteuid!() === 0 && [PYTHON, '/dev/fuse'].every((file) => existsSync(file));
if (!possible) console.warn('skipped where it needs root, Python and FUSE: a file system that stops answering');

/** Looks at processes and hashes their programs, as the node does. Its patience ends when it is told. */
const LOOKS = `
  let timers = [];
  const clock = { nowMs: () => Date.now(), monotonicMs: () => 0, after: (ms, run) => (timers.push(run), () => { timers = timers.filter((one) => one !== run); }) };
  const { Readiness } = system('readiness');
  const { PinnedProcesses } = system('processes');
  const { FileHashing } = system('file-hasher');
  const processes = new PinnedProcesses(new Readiness({ error() {} }));
  const hashing = new FileHashing(clock);
  const say = (what) => console.log(what);
  const hash = (pinned) => { const exe = pinned.openExe(); return hashing.sha256(exe).then(() => 'hashed', (error) => error.code).finally(() => exe.close()); };
  const pinned = {};
  const asked = {
    pin: ([name, pid]) => { pinned[name] = processes.fromPid(Number(pid)); say('pinned'); },
    look: async ([name]) => { pinned[name].recheck(); say(await hash(pinned[name])); },
    hash: ([name]) => void hash(pinned[name]).then((outcome) => say(name + ' ' + outcome)),
    patience: () => { timers.splice(0).forEach((run) => run()); say('waited'); },
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => { const [verb, ...words] = line.split(' '); asked[verb](words); });`;

(possible ? test : test.skip)('a file system that stops answering keeps nobody waiting but its own programs', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'unanswered-'));
  const server = talkTo(PYTHON, [path.join(__dirname, 'fuse.py'), folder, '/bin/sleep', '0']);
  expect(await server.hear()).toBe('mounted');
  const [known, unknown, local] = [path.join(folder, 'program'), path.join(folder, 'other'), '/bin/sleep'].map((program) =>
    talkTo(program, ['1000']),
  );
  const node = talkTo(process.execPath, sourceArguments(LOOKS));
  const tell = async (line: string): Promise<string> => (node.say(line), node.hear());
  for (const [name, { pid }] of Object.entries({ known: known!, unknown: unknown!, local: local! }))
    expect(await tell(`pin ${name} ${pid}`)).toBe('pinned');
  expect(await tell('look known')).toBe('hashed');

  server.say('stop');
  expect(await server.hear()).toBe('stopped');
  // Neither the re-check before each delivery nor the hash of what was hashed before asks whoever serves the file.
  expect(await tell('look known')).toBe('hashed');
  node.say('hash unknown');
  node.say('hash local');
  const heard: string[] = [];
  const refusals = (): number => heard.filter((line) => line === 'unknown E_ATTEST_UNREADABLE').length;
  while (refusals() === 0) heard.push(await tell('patience'));
  while (!heard.includes('local hashed')) heard.push(await node.hear());
  // Nothing of it is tried while it does not answer, so nobody waits for that either.
  node.say('hash unknown');
  while (refusals() === 1) heard.push(await node.hear());

  server.child.stdin!.end();
  expect(await server.hear()).toBe('EOF');
  // Whoever was kept waiting came back: from now on it is tried again, and here in vain.
  while (!heard.includes('unknown E_ATTEST_FAILED')) heard.push(await tell('hash unknown'));
  await Promise.all([known!, unknown!, local!, node].map((one) => one.end()));
  rmSync(folder, { recursive: true });
});
