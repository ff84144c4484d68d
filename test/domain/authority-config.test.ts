import { assertAuthoritiesOutlive, DEFAULT_AUTHORITY_CONFIG, durationText } from '../../src/domain/authority-config';
import { MAX_JWT_TTL_SECONDS, MAX_X509_TTL_SECONDS, type Rule } from '../../src/domain/rule';
import { starterRule } from '../../src/domain/starter-rule';
import { rule } from './samples';

const config = (x509: number, jwt: number) => ({ ...DEFAULT_AUTHORITY_CONFIG, lifetimeSeconds: { x509, jwt } });
const giving = (x509TtlSeconds: number, jwtTtlSeconds: number, audiences = ['*'], disabled = false): Rule => {
  const one = rule('one', {}).rule;
  return { ...one, disabled, issue: { ...one.issue, x509TtlSeconds, jwtTtlSeconds, audiences } };
};

test.each<[string, Rule, ReturnType<typeof config>]>([
  ['a sixth', giving(10, 10), config(60, 60)],
  ['no JWT-SVID at all', giving(10, 300, []), config(60, 60)],
  ['a disabled rule', giving(900, 300, ['*'], true), config(60, 60)],
  ['the longest there is, by default', giving(MAX_X509_TTL_SECONDS, MAX_JWT_TTL_SECONDS), DEFAULT_AUTHORITY_CONFIG],
])('XC-14: accepted: %s', (_, one, authorities) => {
  expect(() => assertAuthoritiesOutlive([one], authorities)).not.toThrow();
});

test.each<[string, Rule, string]>([
  ['X509-SVIDs', giving(11, 10), 'raise authorities.x509.lifetime to 66s'],
  ['JWT-SVIDs', giving(10, 11), 'raise authorities.jwt.lifetime to 66s'],
])('XC-14: refused: %s that live longer than a sixth', (_, one, fix) => {
  const expected = { code: 'E_AUTHORITY_LIFETIME', explanation: expect.objectContaining({ fix: expect.stringContaining(fix) }) };
  expect(() => assertAuthoritiesOutlive([giving(1, 1), one], config(60, 60))).toThrow(expect.objectContaining(expected));
});

test('the starter rule fits whatever authorities there are', () => {
  expect(starterRule().rule.issue).toMatchObject({ x509TtlSeconds: 900, jwtTtlSeconds: 300 });
  const brief = starterRule(config(60, 90)).rule;
  expect(brief.issue).toMatchObject({ x509TtlSeconds: 10, jwtTtlSeconds: 15 });
  expect(() => assertAuthoritiesOutlive([brief], config(60, 90))).not.toThrow();
});

test.each([
  [30, '30s'],
  [90, '90s'],
  [300, '5m'],
  [5400, '90m'],
  [7200, '2h'],
  [14 * 86_400, '14d'],
])('%d s is %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text);
});
