import { MandateError } from '../../src/domain/errors';
import { BundleChange } from '../../src/node/bundle-change';
import type { Images } from '../../src/node/images';
import type { Serving } from '../../src/node/serve';
import { Served } from '../../src/node/served';
import type { PinnedProcess } from '../../src/system/process-view';
import { silentLog } from '../silent-log';

const turn = () => new Promise((resolve) => setImmediate(resolve));

let told: string[];
let checks: number;
let all: Served[];
let refreshed: Served[];
const images = { all: () => all.values(), check: (served: Served) => served.check() } as unknown as Images;
const serving = { refresh: (served: Served) => void refreshed.push(served) } as unknown as Serving;

beforeEach(() => {
  [told, checks, all, refreshed] = [[], 0, [], []];
});

function watched(name: string, streams: number, recheck: () => void = () => void checks++): Served {
  const served = new Served({ recheck, key: name } as unknown as PinnedProcess, '00');
  for (let i = 0; i < streams; i++) {
    served.subscribers.add({ wants: 'x509', changed: () => void told.push(name), end: ({ code }) => void told.push(`${name} ${code}`) });
  }
  all.push(served);
  return served;
}

test('WL-04, WL-08: reaches every stream, and each process is looked at once', async () => {
  for (let i = 0; i < 30; i++) watched(`p${i}`, 100);
  new BundleChange(images, serving, silentLog).changed(() => true);
  // What else is to be done has its turns meanwhile.
  expect(told.length).toBeLessThan(3000);
  for (let turns = 0; turns < 30; turns++) await turn();
  expect([told.length, new Set(told).size, checks]).toEqual([3000, 30, 30]);
});

test('WL-06: of changes that follow each other the newest is told, once', async () => {
  for (let i = 0; i < 10; i++) watched(`p${i}`, 100);
  const change = new BundleChange(images, serving, silentLog);
  change.changed(() => true);
  const first = told.length;
  for (let i = 0; i < 50; i++) change.changed(() => true);
  for (let turns = 0; turns < 30; turns++) await turn();
  expect(told.length).toBe(first + 1000);
});

test('WE-09: a process that is no longer the one that was attested gets nothing, and its streams end', () => {
  watched('gone', 2, () => {
    throw new MandateError('E_PEER_GONE');
  });
  watched('here', 1);
  new BundleChange(images, serving, silentLog).changed(() => true);
  expect(told).toEqual(['gone E_PEER_GONE', 'gone E_PEER_GONE', 'here']);
});

test('a process that must hold its connections alone is asked about anew instead', () => {
  const served = watched('sole', 1);
  served.standing = { kind: 'entitled', identities: [{ sole: true }] as never };
  new BundleChange(images, serving, silentLog).changed(() => true);
  expect([told, refreshed]).toEqual([[], [served]]);
});
