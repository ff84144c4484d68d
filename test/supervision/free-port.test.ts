import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { freePort, unassigned } from '../../src/supervisor/free-port';
import { systemRandom } from '../../src/system/random';

test.each([
  ['32768\t60999\n', { first: 20_000, last: 32_767 }],
  ['1024\t60999\n', { first: 61_000, last: 65_535 }],
  ['1024\t65535\n', undefined],
  ['20500\t64999\n', undefined],
  ['', undefined],
])('beside the ports of connections, %j: %j', (range, expected) => expect(unassigned(range)).toEqual(expected));

test('a port is one that nobody is given, and that nobody has', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  let drawn = 0;
  // The port that is taken first of all, then those behind it.
  const random = { ...systemRandom, bytes: () => number(port - 20_000 + drawn++) };
  expect(await freePort(random, undefined, `${port + 2_000} ${port + 3_000}`)).toBeGreaterThan(port);
  expect(drawn).toBeGreaterThan(1);
  taken.close();
});

test('two are never the same', async () => {
  const first = await freePort(systemRandom);
  let drawn = 0;
  const random = { ...systemRandom, bytes: () => number(first - 20_000 + drawn++) };
  expect(await freePort(random, first, `${first + 2_000} ${first + 3_000}`)).not.toBe(first);
  expect(drawn).toBeGreaterThan(1);
});

test('where none is left over, it is any that is free', async () => {
  expect(await freePort(systemRandom, undefined, '1024 65535')).toBeGreaterThan(0);
});

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
