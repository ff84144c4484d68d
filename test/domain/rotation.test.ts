import fc from 'fast-check';
import { retryDelayMs, rotationAt, validity, worthRotating } from '../../src/domain/rotation';

const instant = fc.integer({ min: Date.UTC(1970, 0, 2), max: Date.UTC(9999, 11, 31) });
const ttl = fc.integer({ min: 1, max: 24 * 3600 });

describe('validity', () => {
  test('XL-15: starts ten seconds before the issue and ends with the lifetime', () => {
    expect(validity({ issuedAtMs: 1_000_000_000, ttlSeconds: 900, authorityNotAfterMs: Infinity, delegationEndsAtMs: Infinity })).toEqual({
      notBeforeMs: 999_990_000,
      notAfterMs: 1_000_900_000,
    });
  });

  test.each([
    ['authority', { authorityNotAfterMs: 1_000_060_999, delegationEndsAtMs: Infinity }, 1_000_060_000],
    ['delegation', { authorityNotAfterMs: Infinity, delegationEndsAtMs: 1_000_001_000 }, 1_000_001_000],
  ])('XL-14, JS-13: ends with the %s where that comes first', (_name, ends, notAfterMs) => {
    expect(validity({ issuedAtMs: 1_000_000_000, ttlSeconds: 900, ...ends })?.notAfterMs).toBe(notAfterMs);
  });

  test.each([
    ['lifetime 0', 0, Infinity, Infinity],
    ['a negative lifetime', -1, Infinity, Infinity],
    ['no number', NaN, Infinity, Infinity],
    ['an authority that has ended', 900, 1_000_000_000, Infinity],
    ['a delegation that ends within this second', 900, Infinity, 1_000_000_999],
  ])('nothing is left with %s', (_name, ttlSeconds, authorityNotAfterMs, delegationEndsAtMs) => {
    expect(validity({ issuedAtMs: 1_000_000_000, ttlSeconds, authorityNotAfterMs, delegationEndsAtMs })).toBeNull();
  });

  test('XL-14, XL-15, JS-13: never outlives lifetime, authority or delegation, and is in whole seconds', () => {
    fc.assert(
      fc.property(instant, ttl, instant, instant, (issuedAtMs, ttlSeconds, authorityNotAfterMs, delegationEndsAtMs) => {
        const found = validity({ issuedAtMs, ttlSeconds, authorityNotAfterMs, delegationEndsAtMs });
        if (found === null) {
          expect(Math.min(authorityNotAfterMs, delegationEndsAtMs, issuedAtMs + ttlSeconds * 1000)).toBeLessThan(issuedAtMs + 1000);
          return;
        }
        expect(found.notAfterMs).toBeLessThanOrEqual(Math.min(issuedAtMs + ttlSeconds * 1000, authorityNotAfterMs, delegationEndsAtMs));
        expect(found.notAfterMs).toBeGreaterThan(issuedAtMs);
        expect(found.notBeforeMs).toBeLessThanOrEqual(issuedAtMs - 10_000);
        expect(found.notBeforeMs).toBeGreaterThan(issuedAtMs - 11_000);
        expect([found.notAfterMs % 1000, found.notBeforeMs % 1000].every((rest) => rest === 0)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('a lifetime alone is used up but for less than a second', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 2, max: 24 * 3600 }), (issuedAtMs, ttlSeconds) => {
        const found = validity({ issuedAtMs, ttlSeconds, authorityNotAfterMs: Infinity, delegationEndsAtMs: Infinity });
        expect(found!.notAfterMs).toBeGreaterThan(issuedAtMs + (ttlSeconds - 1) * 1000);
      }),
    );
  });
});

describe('rotationAt', () => {
  test.each([
    [0, 450_000],
    [0.5, 500_000],
    [1, 550_000],
    [-3, 450_000],
    [9, 550_000],
  ])('with jitter %p comes %p ms into 1000 s', (jitter, after) => {
    expect(rotationAt(5_000, 1_005_000, jitter)).toBe(5_000 + after);
  });

  test('comes within 45 % and 55 % of the life, whatever its length', () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 1, max: 10 * 366 * 86_400_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (issuedAtMs, lifeMs, jitter) => {
          const waited = rotationAt(issuedAtMs, issuedAtMs + lifeMs, jitter) - issuedAtMs;
          expect(Number.isSafeInteger(waited)).toBe(true);
          expect(waited).toBeGreaterThanOrEqual(Math.floor(lifeMs * 0.45) - 1);
          expect(waited).toBeLessThanOrEqual(lifeMs * 0.55 + 1);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a life of nothing rotates at the issue, where worthRotating decides', () => {
    expect(rotationAt(5_000, 4_000, 0.5)).toBe(5_000);
  });
});

describe('a successor is worth its successor', () => {
  test.each([
    ['when it lives longer', 5_000, 6_000, true],
    ['when it ends in the same second but follows within one', 5_999, 5_000, true],
    ['not when it ends as before although a second has passed', 6_000, 5_000, false],
    ['not when it ends sooner', 7_000, 4_000, false],
  ])('%s', (_name, issuedAtMs, notAfterMs, worth) => {
    expect(worthRotating({ issuedAtMs: 5_000, notAfterMs: 5_000 }, { issuedAtMs, notAfterMs })).toBe(worth);
  });

  test('whatever the lifetime, where nothing else bounds it', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 2, max: 3600 }), fc.integer({ min: 1, max: 10_000 }), (issuedAtMs, ttlSeconds, laterMs) => {
        const issue = (atMs: number) => {
          const { notAfterMs } = validity({ issuedAtMs: atMs, ttlSeconds, authorityNotAfterMs: Infinity, delegationEndsAtMs: Infinity })!;
          return { issuedAtMs: atMs, notAfterMs };
        };
        expect(worthRotating(issue(issuedAtMs), issue(issuedAtMs + laterMs))).toBe(true);
      }),
    );
  });
});

test('the server is asked again later each time, and sooner where what is held ends soon', () => {
  expect([0, 1, 2, 3, 4, 5, 100].map((attempts) => retryDelayMs(attempts, Infinity))).toEqual([100, 250, 500, 1_000, 2_000, 5_000, 5_000]);
  expect([100_000, 4_000, 200, 0, -1].map((leftMs) => retryDelayMs(5, leftMs))).toEqual([5_000, 1_000, 100, 100, 100]);
});
