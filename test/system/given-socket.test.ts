import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { givenSocket } from '../../src/system/given-socket';
import { hasProgram } from '../running/installation';

const folder = mkdtempSync(path.join(tmpdir(), 'm-given-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Makes a descriptor 3 of the named kind and becomes the program that is asked about it. */
const HANDOVER = `
import os, socket, sys
kind, path, code = sys.argv[1], sys.argv[2], sys.argv[3:]
if kind == "file":
    fd = os.open("/dev/null", os.O_RDONLY)
elif kind == "inet":
    s = socket.socket(socket.AF_INET); s.bind(("127.0.0.1", 0)); s.listen(); fd = s.fileno()
elif kind == "datagram":
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); fd = s.fileno()
else:
    s = socket.socket(socket.AF_UNIX); s.bind(path)
    if kind != "deaf": s.listen()
    fd = s.fileno()
if fd == 3: os.set_inheritable(3, True)
else: os.dup2(fd, 3)
os.execv(code[0], code)
`;

let made = 0;
function asked(kind: string, more: { readonly path?: string; readonly pid?: string; readonly count?: string } = {}): string {
  const at = path.join(folder, `${made++}.sock`);
  const register = path.join(__dirname, '../faults/register.js');
  const code =
    'const { givenSocket } = require("./src/system/given-socket.ts");' +
    `try { console.log(String(givenSocket({ LISTEN_PID: ${more.pid ?? 'String(process.pid)'}, LISTEN_FDS: "${more.count ?? '1'}" }, process.pid, ${JSON.stringify(more.path ?? at)}))); }` +
    'catch (error) { console.log(error.code + ": " + error.explanation.saw); }';
  const { stdout, stderr } = spawnSync('python3', ['-c', HANDOVER, kind, at, process.execPath, '-r', register, '-e', code], {
    cwd: path.join(__dirname, '../..'),
    encoding: 'utf8',
  });
  return stdout.trim() || stderr;
}

test('nothing was handed over, or to the parent of this process', () => {
  expect(givenSocket({}, process.pid, '/run/x.sock')).toBeUndefined();
  expect(givenSocket({ LISTEN_PID: String(process.ppid), LISTEN_FDS: '1' }, process.pid, '/run/x.sock')).toBeUndefined();
});

(hasProgram('python3') ? describe : describe.skip)('a real descriptor', () => {
  test('a listening unix stream socket at the path is taken', () => expect(asked('listening')).toBe('3'));

  test.each([
    ['file', {}, 'what was handed over is no socket'],
    ['inet', {}, 'what was handed over is no unix stream socket'],
    ['datagram', {}, 'what was handed over is no unix stream socket'],
    ['deaf', {}, 'the socket that was handed over does not listen'],
    [
      'listening',
      { path: '/run/mandate/agent/agent.sock' },
      'the socket that was handed over is not the one at /run/mandate/agent/agent.sock',
    ],
    ['listening', { count: '2' }, '2 descriptors were handed over, not one'],
    ['listening', { count: '' }, ' descriptors were handed over, not one'],
  ])('%s %j is refused', (kind, more, saw) => expect(asked(kind, more)).toBe(`E_SOCKET_IN_USE: ${saw}`));
});
