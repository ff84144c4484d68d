import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import { eventFd } from '../../src/system/epoll';
import { pidfdOpen } from '../../src/system/pidfd';
import { Readiness } from '../../src/system/readiness';
import { quiet, sourceArguments, talkTo } from './peers';
import { writeSync } from 'node:fs';

const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);

test('says once that a descriptor became readable, and again when asked again', async () => {
  const readiness = new Readiness(quiet);
  const fd = eventFd();
  let times = 0;
  const ready = (): Promise<void> =>
    new Promise((resolve) => {
      readiness.once(fd, () => {
        times += 1;
        resolve();
      });
    });
  const first = ready();
  expect(times).toBe(0);
  writeSync(fd, one);
  await first;
  await ready();
  expect(times).toBe(2);
  await readiness.close();
  closeSync(fd);
});

test('says nothing that was taken back, also when it was ready already', async () => {
  const readiness = new Readiness(quiet);
  const [a, b] = [eventFd(), eventFd()];
  writeSync(a, one);
  writeSync(b, one);
  let heard = false;
  readiness.once(a, () => (heard = true))();
  await new Promise<void>((resolve) => void readiness.once(b, resolve));
  expect(heard).toBe(false);
  await readiness.close();
  [a, b].forEach((fd) => closeSync(fd));
});

test('leaves no descriptor behind, and can be closed twice', async () => {
  const open = (): number => readdirSync('/proc/self/fd').length;
  const warm = new Readiness(quiet);
  await warm.close();
  const before = open();
  const readiness = new Readiness(quiet);
  await Promise.all([readiness.close(), readiness.close()]);
  await readiness.close();
  expect(open()).toBe(before);
});

test('of a reused descriptor number, only the new file is told of', async () => {
  const readiness = new Readiness(quiet);
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const gone = pidfdOpen(child.pid!);
  let heard = false;
  const takeBack = readiness.once(gone, () => (heard = true));
  takeBack();
  closeSync(gone);
  const fd = eventFd();
  expect(fd).toBe(gone);
  const ready = new Promise<void>((resolve) => void readiness.once(fd, resolve));
  child.kill('SIGKILL');
  await once(child, 'exit');
  writeSync(fd, one);
  await ready;
  expect(heard).toBe(false);
  await readiness.close();
  closeSync(fd);
});

describe('never holds up the end of its process', () => {
  const quietLog = '{ error() {} }';
  const watching = `const { Readiness } = system('readiness'); const r = new Readiness(${quietLog}); r.once(system('epoll').eventFd(), () => {});`;
  test.each([
    ['when nothing is left to do', '', 0],
    ['at process.exit, at once', 'process.exit(3)', 3],
    ['at process.exit, with the thread waiting', `setTimeout(() => process.exit(4), 200)`, 4],
    ['after an uncaught error', `setTimeout(() => { console.error = () => {}; throw 1 }, 200)`, 1],
    [
      'with a hashing thread beside it',
      `const { FileHashing } = system('file-hasher'); new FileHashing({ nowMs: () => 0, after: () => () => {} }).sha256(system('open-file').openProgram('/proc/self/exe'))`,
      0,
    ],
  ])('%s', async (_, then, status) => {
    const talker = talkTo(process.execPath, sourceArguments(`${watching} ${then}`));
    talker.child.stdin!.end();
    expect(await once(talker.child, 'exit')).toEqual([status, null]);
  });
});
