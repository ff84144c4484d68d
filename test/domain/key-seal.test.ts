import { parseSeal, SCRYPT_COST, type SealHeader, scryptMemory, sealText } from '../../src/domain/key-seal';

const header: SealHeader = {
  v: 1,
  id: '0f'.repeat(16),
  by: 'passphrase',
  scrypt: { ...SCRYPT_COST, salt: 'a1'.repeat(32) },
  check: 'b2'.repeat(32),
};

test('what was written is read back', () => {
  expect(parseSeal(sealText(header))).toEqual(header);
});

test('stretching takes 128 MiB', () => {
  expect(scryptMemory(SCRYPT_COST)).toBe(128 * 1024 * 1024);
});

const scrypt = (change: object) => ({ ...header, scrypt: { ...header.scrypt, ...change } });

test.each<[string, object]>([
  ['a cheaper cost', scrypt({ N: SCRYPT_COST.N / 2 })],
  ['no power of two', scrypt({ N: SCRYPT_COST.N + 1 })],
  ['two GiB of memory', scrypt({ N: 2 ** 21 })],
  ['more memory by r', scrypt({ r: 64 })],
  ['more time by p', scrypt({ p: 1000 })],
  ['a cost in words', scrypt({ N: '131072' })],
  ['a short salt', scrypt({ salt: 'a1' })],
  ['an id that is a path', { ...header, id: '../../../../../../../../../../ab' }],
  ['another source', { ...header, by: 'nobody' }],
  ['another version', { ...header, v: 2 }],
  ['a short check', { ...header, check: '' }],
])('%s is no seal', (_what, changed) => {
  expect(parseSeal(sealText(changed as SealHeader))).toBeUndefined();
});

test.each<[string, string]>([
  ['nothing', ''],
  ['no JSON', '{'],
  ['null', 'null\n'],
  ['a list', '[]\n'],
  ['a member more', sealText(header).replace('{"v"', '{"x":1,"v"')],
  ['a member twice', sealText(header).replace('{"v":1', '{"v":1,"v":1')],
  ['another order', `${JSON.stringify(header, Object.keys(header).sort())}\n`],
  ['white space', ` ${sealText(header)}`],
  ['a file without an end', sealText(header).padEnd(4096)],
])('%s is no seal', (_what, text) => {
  expect(parseSeal(text)).toBeUndefined();
});
