import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './installation';

/** True where the descriptors of every process may be read: not for an ordinary user, nor where root is kept from one of them. */
export function everyProcessReadable(): boolean {
  return readdirSync('/proc').every((pid) => !/^\d+$/.test(pid) || descriptorsReadable(pid));
}

function descriptorsReadable(pid: string): boolean {
  try {
    const [first] = readdirSync(`/proc/${pid}/fd`);
    if (first !== undefined) readlinkSync(`/proc/${pid}/fd/${first}`);
    return true;
  } catch (thrown) {
    return ['ENOENT', 'ESRCH'].includes((thrown as NodeJS.ErrnoException).code ?? '');
  }
}

/** Puts a command into a pid namespace of its own, below a shell that is its init: there root may read every process. */
export const APART: readonly string[] = ['--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', '"$@"; exit $?', 'sh'];

const NOTHING = path.join(ROOT, 'test/conformance/nothing.js');

/** Tests that need every process to be readable: here where that is so, else this file once more in a pid namespace of its own. */
export function withReadableProcesses(file: string, tests: () => void): void {
  if (everyProcessReadable()) return describe('where every process may be read', tests);
  const asRoot = process.getuid!() === 0;
  (asRoot ? test : test.skip)('where every process may be read: in a pid namespace of its own', () => {
    const jest = path.join(ROOT, 'node_modules/jest/bin/jest.js');
    // The PostgreSQL that test files share is not theirs.
    const alone = ['--globalSetup', NOTHING, '--globalTeardown', NOTHING, '--runTestsByPath', file];
    const { status, stderr } = spawnSync('unshare', [...APART, process.execPath, jest, ...alone], { cwd: ROOT, encoding: 'utf8' });
    expect({ status, said: status === 0 ? '' : stderr }).toEqual({ status: 0, said: '' });
  });
}
