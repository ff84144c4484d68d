import { readFileSync } from 'node:fs';
import path from 'node:path';
import { lives } from './proc';
import { Running } from './running';
import { until } from './until';

jest.setTimeout(120_000);

interface Status {
  readonly trustDomain: string;
  readonly installation: string;
  readonly bundleUrl: string;
  readonly ready: boolean;
}

describe('one state folder', () => {
  let running: Running;
  beforeAll(async () => {
    running = await Running.start();
  });
  afterAll(() => running?.end());

  test('a second up is refused with its code and leaves the first as it was', async () => {
    const before = running.partsNow();
    const status = await running.json<Status>(['status']);
    const second = await running.cli(['up', '-o', 'json']);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'E_STATE_IN_USE' } });
    expect(second.stdout).toContain(`pid ${running.pid}`);
    const detached = await running.cli(['up', '-d', '-o', 'json']);
    expect(JSON.parse(detached.stdout)).toMatchObject({ error: { code: 'E_STATE_IN_USE' } });
    expect(running.partsNow()).toEqual(before);
    expect(await running.json<Status>(['status'])).toEqual(status);
  });

  test('a killed up takes its children with it, and the next one finds trust domain, keys and rules', async () => {
    const rule = 'apiVersion: mandate/v1\nkind: Rule\nname: kept\nmatch: { user.name: [nobody-at-all] }\nissue: { id: /kept }\n';
    await running.apply(rule);
    const status = await running.json<Status>(['status']);
    const bundle = (await running.cli(['bundle', 'export'])).stdout;
    const { rules } = await running.json<{ rules: unknown }>(['rules', 'ls']);
    const parts = Object.values(running.partsNow());

    await running.signal('SIGKILL');
    await until('the end of its children', () => parts.every((part) => !lives(part)));
    await running.up();

    expect(await running.json<Status>(['status'])).toMatchObject({
      trustDomain: status.trustDomain,
      installation: status.installation,
      bundleUrl: status.bundleUrl,
      ready: true,
    });
    expect((await running.cli(['bundle', 'export'])).stdout).toBe(bundle);
    expect(await running.json(['rules', 'ls'])).toMatchObject({ rules });
  });

  test('the next up does not wait for children of a killed one to end by themselves', async () => {
    await running.signal('SIGKILL');
    await running.up(); // whatever is left of them is ended, or waited for, by it
    expect(await running.json<Status>(['status'])).toMatchObject({ ready: true });
    expect(readFileSync(path.join(running.state, 'lock'), 'utf8')).toBe(`${running.pid}\n`);
  });
});
