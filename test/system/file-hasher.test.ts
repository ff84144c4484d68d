import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { getPriority, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ExeHandle } from '../../src/domain/attestation';
import type { Clock } from '../../src/domain/ports';
import { FileHashing } from '../../src/system/file-hasher';
import { exeHandle, openProgram } from '../../src/system/open-file';

const MIB = 1024 * 1024;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Reads as if every file had been changed `agoMs` ago. */
const later = (agoMs: number): Clock => ({ nowMs: () => Date.now() + agoMs, monotonicMs: () => 0, after: () => () => {} });

let folder: string;
let hashing: FileHashing;
const opened: ExeHandle[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hash-'));
  hashing = new FileHashing(later(1000));
});
afterEach(async () => {
  opened.splice(0).forEach((handle) => handle.close());
  await hashing.close();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: Buffer | number): ExeHandle {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'number' ? '' : content);
  if (typeof content === 'number') truncateSync(path, content);
  return open(path);
}
function open(path: string): ExeHandle {
  const handle = openProgram(path);
  opened.push(handle);
  return handle;
}

test.each([
  ['empty', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['a chunk', randomBytes(MIB)],
  ['a chunk and a byte', randomBytes(MIB + 1)],
  ['several chunks', randomBytes(3 * MIB + 17)],
])('%s', async (_, content) => expect(await hashing.sha256(file('f', content))).toBe(sha256(content)));

test('5 GiB are refused before a byte is read', async () => {
  await expect(hashing.sha256(file('sparse', 5 * 1024 ** 3))).rejects.toMatchObject({ code: 'E_ATTEST_TOO_LARGE' });
});

test('what is no regular file is refused, and a FIFO is not waited for', async () => {
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  expect(() => openProgram(join(folder, 'fifo'))).toThrow(expect.objectContaining({ code: 'E_ATTEST_FAILED' }));
  expect(() => openProgram('/dev/zero')).toThrow(expect.objectContaining({ code: 'E_ATTEST_FAILED' }));
  expect(() => openProgram(folder)).toThrow(expect.objectContaining({ code: 'E_ATTEST_FAILED' }));
  expect(() => openProgram(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'E_ATTEST_UNREADABLE' }));
  const device = exeHandle(openSync('/dev/zero', 'r'));
  opened.push(device);
  await expect(hashing.sha256(device)).rejects.toMatchObject({ code: 'E_ATTEST_FAILED' });
});

test('a handle that leads nowhere when the thread opens it is an error, not a hash', async () => {
  const handle = file('f', Buffer.from('x'));
  const hash = hashing.sha256(handle);
  handle.close(); // in this turn, and the thread has yet to be started
  await expect(hash).rejects.toMatchObject({ code: 'E_ATTEST_FAILED' });
});

test('a file that changes or grows meanwhile has no hash', async () => {
  const changing = file('changing', 256 * MIB);
  const writer = openSync(join(folder, 'changing'), 'r+');
  const change = hashing.sha256(changing);
  writeSync(writer, 'x', 0);
  await expect(change).rejects.toMatchObject({ code: 'E_ATTEST_CHANGED' });
  closeSync(writer);
  const growing = file('growing', 16 * MIB);
  const growth = hashing.sha256(growing);
  appendFileSync(join(folder, 'growing'), 'x');
  await expect(growth).rejects.toMatchObject({ code: 'E_ATTEST_CHANGED' });
});

describe('what is kept', () => {
  /** A kept answer is there without a turn of the event loop; a computed one comes from the thread. */
  async function computes(handle: ExeHandle): Promise<boolean> {
    let settled = false;
    const hash = hashing.sha256(handle).then(() => (settled = true));
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    const computed = !settled;
    await hash;
    return computed;
  }

  test('one version of an inode is hashed once; a changed one anew', async () => {
    const content = randomBytes(1000);
    const handle = file('f', content);
    expect(await computes(handle)).toBe(true);
    expect(await computes(handle)).toBe(false);
    expect(await computes(open(join(folder, 'f')))).toBe(false);
    const changed = Buffer.concat([Buffer.from('x'), content.subarray(1)]);
    writeFileSync(join(folder, 'f'), changed);
    expect(await computes(handle)).toBe(true);
    expect(await hashing.sha256(handle)).toBe(sha256(changed));
  });

  test('putting the time of modification back does not help', async () => {
    const handle = file('f', Buffer.from('aaaa'));
    const long = new Date('2020-01-01T00:00:00Z');
    utimesSync(join(folder, 'f'), long, long);
    expect(await hashing.sha256(handle)).toBe(sha256(Buffer.from('aaaa')));
    writeFileSync(join(folder, 'f'), 'bbbb');
    utimesSync(join(folder, 'f'), long, long);
    expect(await hashing.sha256(handle)).toBe(sha256(Buffer.from('bbbb')));
  });

  test('nothing of a file changed just now, or in the future', async () => {
    for (const ago of [0, -60_000]) {
      await hashing.close();
      hashing = new FileHashing({ ...later(ago), nowMs: () => Number(0) });
      const handle = file('f', Buffer.from('x'));
      expect(await computes(handle)).toBe(true);
      expect(await computes(handle)).toBe(true);
    }
  });

  test('nothing of a file that is not running', async () => {
    const handle = file('f', Buffer.from('x'));
    expect(await hashing.sha256Once(handle)).toBe(sha256(Buffer.from('x')));
    expect(await computes(handle)).toBe(true);
  });
});

test('many who ask for one file at once get one computation and one answer', async () => {
  const handle = file('f', 8 * MIB);
  const answers = new Set(await Promise.all(Array.from({ length: 2000 }, () => hashing.sha256(handle))));
  expect(answers).toEqual(new Set([sha256(Buffer.alloc(8 * MIB))]));
});

test('a small file does not wait for a large one', async () => {
  const order: string[] = [];
  const large = hashing.sha256(file('large', 512 * MIB)).then(() => order.push('large'));
  const small = hashing.sha256(file('small', Buffer.from('x'))).then(() => order.push('small'));
  await Promise.all([large, small]);
  expect(order).toEqual(['small', 'large']);
});

test('small files without end do not starve a large one', async () => {
  const done: string[] = [];
  const note = (name: string) => () => void done.push(name);
  const large = hashing.sha256(file('large', 32 * MIB)).then(note('large'));
  const small = Array.from({ length: 200 }, (_, index) => hashing.sha256(file(`small-${index}`, MIB)).then(note('small')));
  await Promise.all([large, ...small]);
  expect(done.indexOf('large')).toBeGreaterThan(0);
  expect(done.indexOf('large')).toBeLessThan(150);
});

test('a thread that ends unexpectedly fails what it had, and another one serves what comes next', async () => {
  const posted = jest.spyOn(Worker.prototype, 'postMessage');
  const large = hashing.sha256(file('large', 512 * MIB));
  const failed = expect(large).rejects.toMatchObject({ code: 'E_ATTEST_FAILED', explanation: { saw: 'the hashing thread ended' } });
  const thread = posted.mock.contexts[0] as Worker;
  const ended = new Promise((resolve) => thread.once('exit', resolve));
  thread.postMessage(null); // no job: reading it throws, as a fault of the thread would
  await failed;
  await ended;
  expect(await hashing.sha256(file('small', Buffer.from('x')))).toBe(sha256(Buffer.from('x')));
  expect(posted.mock.contexts.at(-1)).not.toBe(thread);
  posted.mockRestore();
});

test('the queue is bounded', async () => {
  const handles = Array.from({ length: 1025 }, (_, i) => file(`f${i}`, Buffer.from([i & 255, i >> 8])));
  const results = await Promise.allSettled(handles.map((handle) => hashing.sha256(handle)));
  expect(results.slice(0, 1024).every(({ status }) => status === 'fulfilled')).toBe(true);
  expect(results[1024]).toMatchObject({ status: 'rejected', reason: { code: 'E_OVERLOADED' } });
});

test('a node that was started with low priority hashes with a lower one, which no privilege is needed for', async () => {
  const before = getPriority();
  setPriority(before + 7);
  try {
    const content = Buffer.from('low');
    expect(await hashing.sha256(file('low', content))).toBe(sha256(content));
    const nice = readdirSync('/proc/self/task').map((task) =>
      Number(readFileSync(`/proc/self/task/${task}/stat`, 'latin1').split(') ')[1]!.split(' ')[16]),
    );
    expect(nice).toContain(before + 7 + 5);
  } finally {
    // An ordinary user's process stays where it is.
    if (process.geteuid?.() === 0) setPriority(before);
  }
});
