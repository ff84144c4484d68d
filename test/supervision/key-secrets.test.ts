import { KeySecrets } from '../../src/supervisor/key-secrets';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const next = (text: string) => ({ type: 'next-key-secret', secret: base64(text) }) as const;
const fits = (index: number) => ({ type: 'key-secret-fits', index }) as const;
const handed = (secrets: KeySecrets): string[] => secrets.handedOver().map((text) => Buffer.from(text, 'base64').toString());

test('each start of the server gets what opens the keys; without any it gets none', () => {
  expect(new KeySecrets(undefined).handedOver()).toEqual([]);
  const secrets = new KeySecrets(Buffer.from('old'));
  expect([handed(secrets), handed(secrets)]).toEqual([['old'], ['old']]);
});

test('while the seal changes there are both, and the one that does not fit is wiped', () => {
  const old = Buffer.from('old');
  const secrets = new KeySecrets(old);
  secrets.told(next('new'));
  expect(handed(secrets)).toEqual(['old', 'new']);
  secrets.told(fits(-1));
  expect(handed(secrets)).toEqual(['new']);
  expect(old).toEqual(Buffer.alloc(3));
});

test('a server that died in between says which one it was', () => {
  const secrets = new KeySecrets(Buffer.from('old'));
  secrets.told(next('new'));
  secrets.told(fits(0));
  expect(handed(secrets)).toEqual(['old']);
});

test('orders that fail never push out the one in force', () => {
  const secrets = new KeySecrets(Buffer.from('old'));
  for (const text of ['one', 'two', 'three']) secrets.told(next(text));
  expect(handed(secrets)).toEqual(['old', 'three']);
});

test('plain keys have none before the first seal', () => {
  const secrets = new KeySecrets(undefined);
  secrets.told(next('first'));
  expect(handed(secrets)).toEqual(['first']);
  secrets.told(fits(-1));
  expect(handed(secrets)).toEqual(['first']);
  secrets.wipe();
  expect(handed(secrets)).toEqual([]);
});
