import { readFileSync } from 'node:fs';
import { refuseDebugger } from '../../src/system/harden';
import { sourceArguments, talkTo } from './peers';
import type { Talker } from './peers';

const root = process.geteuid!() === 0;
if (root) console.warn('as root the kernel lets us read any process, so what others may read is not tried');

test.each([
  [undefined, [], 'ok'],
  [undefined, ['--enable-source-maps', '--max-old-space-size=100'], 'ok'],
  ['ws://127.0.0.1:9229/x', [], 'E_DEBUGGER'],
  [undefined, ['--inspect'], 'E_DEBUGGER'],
  [undefined, ['--inspect-brk=0'], 'E_DEBUGGER'],
  [undefined, ['--inspect-port=1'], 'E_DEBUGGER'],
  [undefined, ['--debug'], 'E_DEBUGGER'],
])('inspector %s, options %j', (url, options, outcome) => {
  const run = (): void => refuseDebugger(url, options);
  if (outcome === 'ok') run();
  else expect(run).toThrow(expect.objectContaining({ code: outcome }));
});

describe('a hardened process', () => {
  let talker: Talker;
  const start = async (before: string, options: string[] = []): Promise<string> => {
    talker = talkTo(process.execPath, [
      ...options,
      ...sourceArguments(`
        ${before}
        console.log('up ' + system('this-process').dumpable());
        require('node:readline').createInterface({ input: process.stdin }).on('line', () => console.log(String(require('node:inspector').url())));`),
    ]);
    return talker.hear();
  };
  afterEach(() => talker.end());

  test('opens no debugger on SIGUSR1', async () => {
    expect(await start(`system('harden').harden();`)).toBe('up false');
    talker.child.kill('SIGUSR1');
    talker.say('');
    expect(await talker.hear()).toBe('undefined');
    // Signal 10 is bit 9: ignored, not handled.
    const ignored = /^SigIgn:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${talker.pid}/status`, 'latin1'))![1]!;
    expect(BigInt(`0x${ignored}`) & (1n << 9n)).not.toBe(0n);
  });

  (root ? test.skip : test)('cannot be read by its own user', async () => {
    await start('');
    expect(readFileSync(`/proc/${talker.pid}/environ`, 'latin1')).toContain('PATH=');
    await talker.end();
    await start(`system('harden').harden();`);
    for (const file of ['environ', 'maps', 'mem', 'auxv']) {
      expect(() => readFileSync(`/proc/${talker.pid}/${file}`)).toThrow(/EACCES/);
    }
  });

  test('refuses to run under a debugger', async () => {
    expect(await start(`try { system('harden').harden() } catch (e) { console.log(e.code) }`, ['--inspect=127.0.0.1:0'])).toBe(
      'E_DEBUGGER',
    );
  });

  test('still attests others', async () => {
    const heard = await start(`
      system('harden').harden();
      const { PinnedProcesses } = system('processes'); const { Readiness } = system('readiness');
      const readiness = new Readiness({ error: console.error });
      const child = require('node:child_process').spawn('sleep', ['1000'], { stdio: 'ignore' });
      const pinned = new PinnedProcesses(readiness).fromPid(child.pid);
      pinned.settle(); pinned.recheck(); pinned.openExe().close();
      console.log([pinned.sameMounts(), pinned.ancestors().chain[0].pid === process.pid, pinned.read('comm').trim()].join());
      pinned.onExit(() => console.log('ended')); child.kill('SIGKILL');`);
    expect(heard).toBe('true,true,sleep');
    expect([await talker.hear(), await talker.hear()].sort()).toEqual(['ended', 'up false']);
  });
});
