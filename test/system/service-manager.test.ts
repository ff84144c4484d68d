import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { notifyReady } from '../../src/system/service-manager';
import { hasProgram } from '../running/installation';

/** Says when it listens, then what it was told. */
const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1))
print("listens", flush=True)
print(s.recv(100).decode(), flush=True)
`;

test('nobody asked, nobody is told', () => {
  for (const to of [undefined, '']) expect(() => notifyReady(to)).not.toThrow();
});

test('a socket that is not there is an error, not silence', () => {
  expect(() => notifyReady('/nonexistent/notify')).toThrow(/ENOENT/);
});

(hasProgram('python3') ? test : test.skip)('systemd is told at its path, or under its abstract name', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'm-notify-'));
  for (const name of [path.join(folder, 'notify'), `@mandate-test-${process.pid}`]) {
    const listener = spawn('python3', ['-c', LISTEN, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(listener.stdout)[Symbol.asyncIterator]();
    try {
      await lines.next();
      notifyReady(name);
      expect((await lines.next()).value).toBe('READY=1');
    } finally {
      listener.kill('SIGKILL');
    }
  }
  rmSync(folder, { recursive: true });
});
