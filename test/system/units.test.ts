import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installedFiles, SERVICES, SOCKET, TARGET } from '../../src/domain/units';
import { hasProgram } from '../running/installation';
import { ROOT } from '../cli/command-line';

/** As systemd-analyze counts: 25 is an exposure of 2.5. */
const THRESHOLD = 25;
const files = installedFiles({ node: process.execPath, main: path.join(ROOT, 'dist/src/main.js') });
const text = (name: string): string => files.find(({ path: at }) => path.basename(at) === name)!.text;
const values = (service: string, option: string): string[] =>
  text(service)
    .split('\n')
    .flatMap((line) => (line.startsWith(`${option}=`) ? [line.slice(option.length + 1)] : []));

test('a path is one word of the command line, whatever is in it', () => {
  const [unit] = installedFiles({ node: '/opt/a b/node', main: '/opt/50%/"$x"/main.js' }).filter(({ path: at }) =>
    at.endsWith('mandate-db.service'),
  );
  expect(unit!.text).toContain('ExecStart="/opt/a b/node" "/opt/50%%/\\"$$x\\"/main.js" internal-database\n');
});

test('only the node has capabilities, and none of them gives a uid, a file or a mount', () => {
  const sets = SERVICES.map((service) => [service, values(service, 'CapabilityBoundingSet').join(' ')]);
  expect(sets.filter(([, set]) => set !== '')).toEqual([['mandate-node.service', 'CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_KILL']]);
});

test('nothing hides a process, a device or an account from the node', () => {
  const options = [
    'PrivateTmp',
    'PrivateDevices',
    'ProtectProc',
    'ProcSubset',
    'PrivateUsers',
    'PrivateNetwork',
    'InaccessiblePaths',
    'TemporaryFileSystem',
  ];
  expect(options.filter((option) => values('mandate-node.service', option).length > 0)).toEqual([]);
});

test('launched agents are under no rule of the unit whose control group they are in', () => {
  const rules = /^(IPAddress|Device|PrivateDevices|ProtectClock|Memory(Max|High)|CPU|IO|Restrict(NetworkInterfaces|FileSystems))/m;
  expect(text('mandate-launches.service')).not.toMatch(rules);
  expect(values('mandate-launches.service', 'TasksMax')).toEqual(['infinity']);
  // It is not ended with the rest, and ends nobody.
  expect(values('mandate-launches.service', 'PartOf')).toEqual([]);
  expect(values('mandate-launches.service', 'KillMode')).toEqual(['process']);
});

const analyze = hasProgram('systemd-analyze');
if (!analyze) process.stdout.write('units.test.ts: no systemd-analyze here, so exposure and form of the units are not looked at\n');

(analyze ? describe : describe.skip)('systemd-analyze', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mandate-units-'));
  beforeAll(() => {
    for (const { path: at, text: content } of files) writeFileSync(path.join(folder, path.basename(at)), content);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const run = (...args: string[]) => spawnSync('systemd-analyze', args, { cwd: folder, encoding: 'utf8' });

  test('verify finds nothing', () => {
    const { status, stdout, stderr } = run('verify', '--man=no', ...[TARGET, SOCKET, ...SERVICES].map((name) => `./${name}`));
    // What other units of the machine lack is not ours.
    expect(
      [stdout, stderr]
        .join('')
        .split('\n')
        .filter((line) => line.includes('mandate')),
    ).toEqual([]);
    expect(status).toBe(0);
  });

  test('verify finds a mistake where there is one', () => {
    writeFileSync(path.join(folder, 'mandate-wrong.service'), text('mandate-db.service').replace('ProtectHome=', 'ProtectHone='));
    expect(run('verify', '--man=no', './mandate-wrong.service').stderr).toContain('ProtectHone');
  });

  test.each(SERVICES)('%s is exposed by 2.5 at most', (service) => {
    const { status, stdout } = run('security', '--offline=true', '--no-pager', `--threshold=${THRESHOLD}`, `./${service}`);
    expect([status, /level for .*/.exec(stdout)?.[0]]).toEqual([0, expect.stringMatching(/: [0-2]\.[0-9] /)]);
  });
});
