import { AddressLimit } from '../../src/server/address-limit';

test.each([
  ['one address', '192.0.2.1', '192.0.2.1', true],
  ['two addresses', '192.0.2.1', '192.0.2.2', false],
  ['an address, and the same one mapped', '192.0.2.1', '::ffff:192.0.2.1', true],
  ['two addresses of one IPv6 network', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9', true],
  ['two IPv6 networks', '2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['zeros in the middle', '2001:db8::1', '2001:db8:0:0:ffff::1', true],
  ['a scope', 'fe80::1%eth0', 'fe80::2%eth1', true],
  ['nothing at all', '::1', '::', true],
])('%s', (_, one, other, together) => {
  const limit = new AddressLimit(1);
  expect(limit.take(one)).toBe(true);
  expect(limit.take(other)).toBe(!together);
  limit.give(one);
  expect(limit.take(one)).toBe(true);
});

test('what is given back can be taken again, and nothing is kept of it', () => {
  const limit = new AddressLimit(2);
  for (let i = 0; i < 10; i++) {
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([true, true, false]);
    limit.give('a');
    limit.give('a');
  }
});
