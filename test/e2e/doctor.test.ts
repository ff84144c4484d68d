import { chmodSync } from 'node:fs';
import path from 'node:path';
import { schemaOf } from '../cli/schema';
import { Installation } from '../running/installation';

jest.setTimeout(120_000);

interface Doctor {
  readonly healthy: boolean;
  readonly checks: readonly { readonly name: string; readonly result: string; readonly saw: string; readonly fix: string }[];
}

let mandate: Installation;
beforeAll(async () => {
  mandate = await Installation.start();
});
afterAll(() => mandate.end());

async function doctor(...args: string[]): Promise<Doctor & { readonly code: number | null }> {
  const { code, stdout } = await mandate.mandate(['doctor', ...args, '-o', 'json']);
  const answer = JSON.parse(stdout) as Doctor;
  const validate = schemaOf('doctor');
  expect(validate(answer) || validate.errors).toBe(true);
  return { ...answer, code };
}
const result = ({ checks }: Doctor, name: string) => checks.find((check) => check.name === name)?.result;

test('without an installation it says what the machine offers', async () => {
  const { checks } = await doctor('--state', path.join(mandate.home, 'none'));
  expect(checks.map(({ name }) => name)).toContain('kernel.peerpidfd');
  expect(checks.filter(({ name }) => /^(issuer|file)\./.test(name))).toEqual([]);
});

test('files that are as up made them pass; one that was opened fails, with what would close it', async () => {
  const before = await doctor();
  const files = before.checks.filter(({ name }) => name.startsWith('file.'));
  expect(files.length).toBeGreaterThan(6);
  expect(files.filter(({ result }) => result !== 'ok')).toEqual([]);
  expect(result(before, 'issuer.uids')).toBe(process.getuid!() === 0 ? 'ok' : 'warn');

  const keys = path.join(mandate.state, 'server/keys');
  chmodSync(keys, 0o755);
  try {
    const { code, healthy, checks } = await doctor();
    expect({ code, healthy }).toEqual({ code: 1, healthy: false });
    expect(checks.find(({ name }) => name === 'file.keys')).toMatchObject({ result: 'fail', fix: `chmod 0700 ${keys}` });
  } finally {
    chmodSync(keys, 0o700);
  }
  // While nothing runs, what lies on the disk is judged all the same.
  await mandate.down();
  expect(result(await doctor(), 'file.keys')).toBe('ok');
});
