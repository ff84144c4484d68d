import { encodeTime, readTime } from '../../src/domain/certificate-time';
import { derElements, DerError, DerReader, headerBytes, TAG, tlv } from '../../src/domain/der';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

it.each([0, 1, 127, 128, 255, 256, 65535])('writes and reads back %i bytes of contents', (length) => {
  const element = tlv(TAG.octetString, Buffer.alloc(length, 7));
  expect(element).toHaveLength(headerBytes(length) + length);
  const reader = new DerReader(element);
  expect(reader.contents(TAG.octetString)).toHaveLength(length);
  expect(reader.done).toBe(true);
});

it('takes a concatenation apart, and refuses a remainder', () => {
  const elements = [tlv(TAG.sequence, hex('0102')), tlv(TAG.sequence, Buffer.alloc(300)), tlv(TAG.sequence)];
  expect(derElements(Buffer.concat(elements))).toEqual(elements);
  expect(derElements(Buffer.alloc(0))).toEqual([]);
  expect(() => derElements(Buffer.concat([...elements, hex('30')]))).toThrow(DerError);
});

it('writes no contents of 64 KiB', () => {
  expect(() => tlv(TAG.octetString, Buffer.alloc(65536))).toThrow(DerError);
});

it.each([
  ['nothing', ''],
  ['a tag alone', '04'],
  ['another tag', '020101'],
  ['an indefinite length', '04800000'],
  ['a long form for a short length', '048101aa'],
  ['two octets where one will do', '048200ff' + 'aa'.repeat(255)],
  ['three octets of length', '0483000100' + 'aa'.repeat(256)],
  ['a reserved length', '04ff'],
  ['contents that end early', '0402aa'],
  ['a cut length', '0481'],
  ['a cut long length', '048201'],
])('refuses %s', (_, bytes) => {
  expect(() => new DerReader(hex(bytes)).contents(TAG.octetString)).toThrow(DerError);
});

it('does not look beyond its frame', () => {
  const inner = new DerReader(hex('300304020102')).open(TAG.sequence);
  expect(() => inner.contents(TAG.octetString)).toThrow(DerError);
  expect(new DerReader(hex('0401'), 0, 2).peek()).toBe(4);
  expect(() => new DerReader(hex('0401aa'), 0, 2).contents(TAG.octetString)).toThrow(DerError);
});

it.each([
  ['', false],
  ['0101ff', true],
  ['0400', false],
])('reads an optional flag from %j', (bytes, expected) => {
  expect(new DerReader(hex(bytes)).flag()).toBe(expected);
});
it.each(['010100', '010101', '0100', '0102ffff'])('refuses the flag %s', (bytes) => {
  expect(() => new DerReader(hex(bytes)).flag()).toThrow(DerError);
});

it.each([
  [Date.UTC(1970, 0, 1), '170d3730303130313030303030305a'],
  [Date.UTC(2049, 11, 31, 23, 59, 59), '170d3439313233313233353935395a'],
  [Date.UTC(2050, 0, 1), '180f32303530303130313030303030305a'],
  [Date.UTC(9999, 11, 31, 23, 59, 59), '180f39393939313233313233353935395a'],
  [Date.UTC(2028, 1, 29, 1, 2, 3), '170d3238303232393031303230335a'],
])('XL-16: encodes %i in the one form that RFC 5280 gives it', (ms, bytes) => {
  expect(encodeTime(ms).toString('hex')).toBe(bytes);
  expect(readTime(new DerReader(hex(bytes)))).toBe(ms);
});

it.each([1, -1000, 253402300800000, Number.NaN, Infinity])('has no form for %d ms', (ms) => {
  expect(() => encodeTime(ms)).toThrow(DerError);
});

const date = (tag: number, text: string): Buffer => tlv(tag, Buffer.from(text));
it.each([
  ['30 February', date(TAG.utcTime, '300230000000Z')],
  ['29 February of another year', date(TAG.utcTime, '300229000000Z')],
  ['month 0', date(TAG.utcTime, '300001000000Z')],
  ['month 13', date(TAG.utcTime, '301301000000Z')],
  ['day 0', date(TAG.utcTime, '300100000000Z')],
  ['24 hours', date(TAG.utcTime, '300101240000Z')],
  ['60 minutes', date(TAG.utcTime, '300101006000Z')],
  ['a leap second', date(TAG.utcTime, '300101000060Z')],
  ['no seconds', date(TAG.utcTime, '3001010000Z')],
  ['an offset', date(TAG.utcTime, '300101000000+0100')],
  ['no Z', date(TAG.utcTime, '3001010000000')],
  ['a fraction', date(TAG.generalizedTime, '20510101000000.5Z')],
  ['2049 in the long form', date(TAG.generalizedTime, '20491231235959Z')],
  ['the year 12', date(TAG.generalizedTime, '00120101000000Z')],
  ['a letter', date(TAG.utcTime, '3001010000A0Z')],
])('refuses %s', (_, bytes) => {
  expect(() => readTime(new DerReader(bytes))).toThrow(DerError);
});
