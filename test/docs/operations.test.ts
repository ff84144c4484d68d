import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { DEFAULT_AUTHORITY_CONFIG } from '../../src/domain/authority-config';
import { MAX_DELEGATION_SECONDS } from '../../src/domain/delegation';
import { MAX_EVIDENCE_BYTES } from '../../src/domain/evidence';
import { layoutOf } from '../../src/domain/layout';
import { LIMITS } from '../../src/domain/child-protocol';
import { Installation } from '../running/installation';
import { readPage } from './markdown';

const page = readPage('docs/operations.md');
const rows = page.prose.flatMap((line) => (line.startsWith('| ') ? [line.slice(2, -2).split(' | ')] : []));
const row = (first: string): string[] => {
  const found = rows.find(([cell]) => cell === first);
  if (!found) throw new Error(`no row ${first}`);
  return found;
};

describe('files and sockets of a running installation are as the page says', () => {
  const asRoot = process.getuid!() === 0;
  let installation: Installation;
  let server: number;
  let database: number;
  beforeAll(async () => {
    installation = await Installation.start();
    const { accounts } = JSON.parse(readFileSync(`${installation.state}/installation.json`, 'utf8'));
    server = accounts?.server.uid ?? process.getuid!();
    database = accounts?.database.uid ?? process.getuid!();
  }, 60_000);
  afterAll(() => installation.end(), 30_000);

  const octal = (file: string): string => (lstatSync(file).mode & 0o777).toString(8).padStart(4, '0');

  test('every file the page lists is there, with its mode and owner', () => {
    const uids: Record<string, () => number> = { root: () => 0, server: () => server, database: () => database };
    const listed = rows.filter(([first, mode]) => /^`[a-z.]+/.test(first!) && /^0[0-7]{3}/.test(mode!) && rowIsOfFiles(first!));
    expect(listed.length).toBe(7);
    for (const [first, mode, owner] of listed) {
      const file = path.join(installation.state, first!.replaceAll('`', ''));
      const [own, below] = mode!.split(', files ');
      const isFolder = lstatSync(file).isDirectory();
      expect([first, octal(file)]).toEqual([first, asRoot || !isFolder ? own : '0700']);
      if (asRoot) expect([first, lstatSync(file).uid]).toEqual([first, uids[owner!]!()]);
      for (const name of below === undefined ? [] : readdirSync(file)) {
        expect([first, name, octal(path.join(file, name))]).toEqual([first, name, below]);
      }
    }
  });

  test('nothing lies in the state folder that the page does not list', () => {
    const listed = rows.flatMap(([first]) => /^`([a-z.]+)\/?/.exec(first!)?.[1] ?? []);
    expect(readdirSync(installation.state).filter((name) => name !== 'run' && !listed.includes(name))).toEqual([]);
  });

  test('sockets', () => {
    for (const name of ['agent/agent.sock', 'admin/admin.sock', 'link/link.sock']) {
      const [folder, socket] = row(`\`${name}\``)[asRoot ? 1 : 2]!.split(', ');
      const file = path.join(installation.state, 'run', name);
      expect([name, octal(path.dirname(file)), octal(file)]).toEqual([name, folder, socket]);
    }
    const [, installed, own] = row('`db/.s.PGSQL.5432`');
    expect(octal(`${installation.state}/run/db`)).toBe(asRoot ? installed : own);
  });
});

/** Sockets stand in a table of their own. */
const rowIsOfFiles = (first: string): boolean => !first.includes('.sock') && !first.includes('PGSQL');

test('the standard folders are those of the layout', () => {
  const [state, sockets] = [row('state'), row('sockets')];
  const root = layoutOf({ uid: 0, state: undefined, home: '/root', xdgStateHome: undefined, xdgRuntimeDir: undefined });
  expect([`\`${root.state}\``, `\`${root.run}\``]).toEqual([state[1], sockets[1]]);
  const own = (xdgStateHome: string | undefined, xdgRuntimeDir: string | undefined) =>
    layoutOf({ uid: 1000, state: undefined, home: '~', xdgStateHome, xdgRuntimeDir });
  expect(state[2]).toBe(`\`${own('$XDG_STATE_HOME', undefined).state}\`, else \`${own(undefined, undefined).state}\``);
  expect(sockets[2]).toBe(`\`${own(undefined, '$XDG_RUNTIME_DIR').run}\`, else \`run/\` in the state folder`);
  expect(own(undefined, undefined).run).toBe(`${own(undefined, undefined).state}/run`);
});

test('limits are those of the code', () => {
  const days = (ms: number): string => `${ms / 86_400_000} days`;
  expect(row('fresh JWT-SVIDs')[1]).toContain(`${LIMITS.jwtPerMinute} a minute`);
  expect(row('a root delegation')[1]).toContain(`after ${days(MAX_DELEGATION_SECONDS * 1000)}`);
  expect(row('an X.509 or JWT authority')[1]).toContain(days(DEFAULT_AUTHORITY_CONFIG.lifetimeSeconds.x509 * 1000));
  expect(DEFAULT_AUTHORITY_CONFIG.lifetimeSeconds.jwt).toBe(DEFAULT_AUTHORITY_CONFIG.lifetimeSeconds.x509);
  expect(row('evidence about one process')[1]).toBe(`${MAX_EVIDENCE_BYTES / 1024} KiB`);
});
