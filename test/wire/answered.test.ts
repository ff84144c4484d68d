import { MandateError } from '../../src/domain/errors';
import { answered, statusOf } from '../../src/wire/refusal';

const logged: [object, string][] = [];
const keep = (fields: object, message: string) => void logged.push([fields, message]);
const log = { debug: keep, info: keep, warn: keep, error: keep };
beforeEach(() => logged.splice(0));

const broken = new TypeError('of a table nobody may see');

test.each([
  ['a thrown value that is not ours', broken],
  ['an internal error of ours', new MandateError('E_INTERNAL', {}, { cause: broken })],
])('%s is logged with its cause, which the answer leaves out', (_, thrown) => {
  const error = answered(thrown, log, { verb: 'trace' });
  expect(error.code).toBe('E_INTERNAL');
  expect(logged).toEqual([[{ err: broken, verb: 'trace' }, 'call failed']]);
  expect(JSON.stringify(statusOf(error))).not.toContain('table');
});

test('a refusal is an answer, not a fault', () => {
  const refusal = new MandateError('E_NO_RULE');
  expect(answered(refusal, log)).toBe(refusal);
  expect(logged).toEqual([]);
});
