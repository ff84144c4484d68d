import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SCRIPTED } from '../running/installation';
import { ordinaryAccount } from '../running/ordinary-account';
import { ROOT, readPage } from './markdown';

/**
 * Types what the README shows, as an ordinary user, and compares what is answered: line by line, without what differs from one
 * installation to the next.
 */
const transcript = readPage('README.md')
  .blocks.filter((block) => block.language === 'console')
  .flatMap((block) => block.text.split('\n'));

interface Step {
  readonly command: string;
  readonly shown: string[];
}

const steps: Step[] = [];
for (const line of transcript) {
  if (line.startsWith('$ ')) steps.push({ command: line.slice(2), shown: [] });
  // The launcher's own line (▸) is for terminals, which the test is not.
  else if (line.trim() !== '' && !line.startsWith('▸')) steps.at(-1)!.shown.push(line);
}

const account = ordinaryAccount();
const state = mkdtempSync('/tmp/md-');
if (account) chownSync(state, account.uid, account.gid);
// The README is typed at a terminal; the test has none and says so beforehand.
const config = path.join(state, 'mandate.yaml');
writeFileSync(config, SCRIPTED);
const bin = path.join(ROOT, 'bin/mandate');

const running = new Set<ChildProcess>();

function type(command: string): Promise<{ out: string; exit: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command.replaceAll('bin/mandate', bin)], {
      cwd: state,
      env: { PATH: process.env['PATH'], HOME: state, MANDATE_STATE: `${state}/s`, MANDATE_CONFIG: config, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    running.add(child);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exit) => {
      running.delete(child);
      resolve({ out, exit });
    });
  });
}

/** What two runs have in common of a line: names of columns and sentences, without ids, times, paths, values. */
function common(line: string): string {
  return line
    .replace(/^[ └─]+/, '')
    .split(/\s{2,}/)[0]!
    .replace(/[a-z0-9-]+\.mandate\.internal/g, 'DOMAIN')
    .replace(/\/agent\/\S+/g, '/agent/NAME')
    .replace(/(unix|https):\/\/\S+/g, 'ADDRESS')
    .replace(/\b[0-9a-f]{32}\b/g, 'HEX')
    .replace(/\b([a-z]+)-[a-z0-9]{4}$/, '$1-SUFFIX')
    .replace(/[0-9]+(\.[0-9]+)*/g, 'N');
}

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await type('bin/mandate down');
  const lock = `${state}/s/lock`;
  if (existsSync(lock)) {
    // Only if `down` failed: nothing may outlive the test.
    const { out } = await type('bin/mandate status -o json');
    if (!out.includes('E_NOT_RUNNING')) process.kill(Number(readFileSync(lock, 'utf8')), 'SIGTERM');
  }
  rmSync(state, { recursive: true, force: true });
}, 30_000);

test('the README shows a session', () => {
  expect(steps.length).toBeGreaterThan(4);
});

test('what it shows is what happens', async () => {
  let serial = '';
  for (const { command, shown } of steps) {
    const typed = command.replace(/(?<=trace )[0-9a-f]+/, serial);
    const { out, exit } = await type(typed);
    serial = /serial\s+([0-9a-f]{32})/.exec(out)?.[1]?.slice(0, 12) ?? serial;
    const refused = shown.some((line) => line.startsWith('not allowed'));
    expect([typed, exit, out]).toEqual([typed, refused ? 4 : 0, expect.anything()]);
    const said = out.split('\n').map(common);
    expect([typed, shown.map(common).filter((line) => !said.includes(line)), said]).toEqual([typed, [], said]);
  }
}, 90_000);
