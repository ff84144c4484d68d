import { createECDH, createPrivateKey, createPublicKey } from 'node:crypto';
import { isP256Point, p256Pkcs8, p256Spki } from '../../src/domain/p256';
import { generateAgentKey } from '../../src/node/agent-key';

const importKey = (pkcs8: Buffer) => createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });

it('makes the PKCS#8 that node:crypto itself would export', () => {
  for (let i = 0; i < 100; i++) {
    const { pkcs8, point } = generateAgentKey();
    const key = importKey(pkcs8);
    expect(key.export({ format: 'der', type: 'pkcs8' }).equals(pkcs8)).toBe(true);
    expect(createPublicKey(key).export({ format: 'der', type: 'spki' }).equals(p256Spki(point))).toBe(true);
  }
});

it.each([0, 1, 2, 3, 31])('pads a secret that begins with %i zero octets', (zeros) => {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(Buffer.concat([Buffer.alloc(zeros), Buffer.alloc(32 - zeros, 7)]));
  const stripped = ecdh.getPrivateKey();
  expect(stripped).toHaveLength(32 - zeros);
  const pkcs8 = p256Pkcs8(stripped, ecdh.getPublicKey());
  expect(pkcs8).toHaveLength(138);
  expect(importKey(pkcs8).export({ format: 'der', type: 'pkcs8' }).equals(pkcs8)).toBe(true);
});

it('XL-18: never makes the same key twice and always a point on the curve', () => {
  const keys = Array.from({ length: 200 }, generateAgentKey);
  expect(new Set(keys.map(({ pkcs8 }) => pkcs8.toString('hex', 36, 68))).size).toBe(200);
  expect(keys.every(({ point }) => isP256Point(point))).toBe(true);
});

it('gives a point that wiping the secret part leaves alone', () => {
  const { pkcs8, point } = generateAgentKey();
  pkcs8.fill(0);
  expect(isP256Point(point)).toBe(true);
});
