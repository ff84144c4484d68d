import { setTimeout as delay } from 'node:timers/promises';
import { readlinkSync } from 'node:fs';
import { Installation, MANDATE } from '../running/installation';

let mandate: Installation;
beforeAll(async () => {
  mandate = await Installation.start();
}, 60_000);
afterAll(() => mandate.end(), 60_000);

interface Who {
  readonly agent: { readonly name: string } | null;
  readonly launch: string | null;
  readonly facts: readonly { readonly selector: string; readonly value: string; readonly assurance: string }[];
  readonly identities: readonly { readonly rule: string }[];
}

// It was pinned as its launcher, has executed since, and never asks for anything by itself.
test('who tells of a launched program that never connected', async () => {
  const program = mandate.spawn(MANDATE, ['run', '--name', 'silent', '--', 'sleep', '600'], { stdio: 'ignore' });
  const pid = program.pid!;
  while (!runsSleep(pid)) await delay(5);
  const who = await mandate.json<Who>('who', String(pid));
  expect(who.agent?.name).toMatch(/^silent-/);
  expect(who.identities.map(({ rule }) => rule)).toEqual(['launched']);
  const fact = (selector: string) => who.facts.find((entry) => entry.selector === selector);
  expect(fact('binary.path')?.value).toMatch(/\/sleep$/);
  expect(fact('launch.path')).toMatchObject({ value: fact('binary.path')!.value, assurance: 'measured' });
  program.kill('SIGKILL');
}, 60_000);

/** Between the node's answer and its exec the launcher lets nobody of its user look. */
function runsSleep(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith('/sleep');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EACCES') throw thrown;
    return false;
  }
}
