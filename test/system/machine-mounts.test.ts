import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { hasProgram } from '../running/installation';

const ROOT = path.join(__dirname, '../..');
const possible = process.getuid?.() === 0 && ['unshare', 'setpriv'].every((name) => hasProgram(name));
if (!possible) process.stdout.write('machine-mounts.test.ts: mounts and a process 1 of its own are made as root only\n');

/** The capabilities of mandate-node.service. */
const AS_NODE = ['setpriv', '--bounding-set', '-all,+sys_ptrace,+dac_read_search,+kill', '--inh-caps', '-all', '--no-new-privs'];

(possible ? test : test.skip)(
  'a node with mounts of its own believes the paths of who sees the mounts of process 1, and of nobody else',
  () => {
    const node = ['unshare', '--mount', '--propagation', 'slave', ...AS_NODE, process.execPath, '-r', './test/faults/register.js'];
    const script = `sleep 60 & one=$!; unshare --mount --propagation slave sleep 60 & ${node.join(' ')} ./test/system/machine-mounts.js $one $!`;
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '/bin/sh', '-c', script],
      {
        cwd: ROOT,
        encoding: 'utf8',
        timeout: 60_000,
      },
    );
    if (stdout === '') throw new Error(stderr);
    expect(JSON.parse(stdout)).toEqual({ ofTheMachine: true, ofTheNode: false, ofAThird: false, apart: true });
  },
);
