import { failureText } from '../../src/cli/failure';
import { RefusedByService, type RefusalDetails } from '../../src/cli/refused-by-service';
import { styleOf } from '../../src/cli/style';
import { MandateError } from '../../src/domain/errors';

const PLAIN = styleOf({ isTTY: false }, {});

const DETAILS: RefusalDetails = {
  saw: [
    { selector: 'user.name', value: 'ana', assurance: 'observed' },
    { selector: 'binary.path', value: '/usr/local/bin/reporter', assurance: 'observed' },
  ],
  rule: 'reporter',
  ruleVersion: 4,
  conditions: [
    { selector: 'user.name', holds: true, seen: 'ana', expected: null },
    { selector: 'binary.sha256', holds: false, seen: '9f2c', expected: null },
  ],
  remedy: '',
  request: '01JD90QX00',
  why: '',
};

describe('a failure as text', () => {
  test('has a sentence with its code, what was seen, why, what to do, and where more is said', () => {
    const error = new MandateError('E_SOCKET_PATH', {
      saw: '130 bytes',
      why: 'the kernel takes 107',
      fix: 'choose a shorter state folder',
    });
    expect(failureText(error, PLAIN)).toBe(
      'error: the socket path is longer than 100 bytes (E_SOCKET_PATH)\n' +
        '  saw   130 bytes\n' +
        '  why   the kernel takes 107\n' +
        '  fix   choose a shorter state folder\n' +
        '  more  mandate help E_SOCKET_PATH\n',
    );
  });

  test('a refused agent is told whom to ask', () => {
    expect(failureText(new RefusedByService('E_NO_RULE', DETAILS), PLAIN)).toBe(
      'refused: no identity for this process (E_NO_RULE)\n' +
        '  saw   user.name              ana  observed\n' +
        '        binary.path            /usr/local/bin/reporter  observed\n' +
        '  why   closest is rule "reporter" v4: 1 of 2 conditions hold\n' +
        '          ✓ user.name            ana\n' +
        '          ✗ binary.sha256        9f2c  not among the listed ones\n' +
        '  ask   your administrator, with request 01JD90QX00\n' +
        '  more  mandate help E_NO_RULE\n',
    );
  });

  test('an administrator sees what was expected and the remedy', () => {
    const details = { ...DETAILS, remedy: 'add the hash to the rule', conditions: [{ ...DETAILS.conditions[1]!, expected: ['ab', 'cd'] }] };
    const text = failureText(new RefusedByService('E_NO_RULE', details), PLAIN);
    expect(text).toContain('✗ binary.sha256        9f2c  expected ab or cd\n');
    expect(text).toContain('  fix   add the hash to the rule\n');
    expect(text).not.toContain('ask ');
  });

  test('what mandate itself saw is shown without a selector, and its reason once', () => {
    const details = {
      ...DETAILS,
      rule: '',
      conditions: [],
      saw: [{ selector: '', value: 'pid 7, uid 8', assurance: 'declared' as const }],
      why: 'agents do not',
    };
    expect(failureText(new RefusedByService('E_AGENT_NOT_ADMIN', details), PLAIN)).toBe(
      'not allowed: agents and their descendants do not administer mandate (E_AGENT_NOT_ADMIN)\n' +
        '  saw   pid 7, uid 8\n' +
        '  why   agents do not\n' +
        '  ask   your administrator, with request 01JD90QX00\n' +
        '  more  mandate help E_AGENT_NOT_ADMIN\n',
    );
  });

  test('lines of a rule file keep their places', () => {
    const error = new MandateError('E_RULE_INVALID', { saw: 'a.yaml:3:1: unknown key\n      mtach:\n      ^' });
    expect(failureText(error, PLAIN)).toContain('  saw   a.yaml:3:1: unknown key\n              mtach:\n              ^\n');
  });

  test.each([
    ['escape', '\u001b[31mred', '\\x1b[31mred'],
    ['8-bit escape', '\u009b2J', '\\x9b2J'],
    ['bidirectional', 'a\u202eb', 'a\\u202eb'],
    ['bell and carriage return', 'a\u0007\rb', 'a\\x07\\rb'],
    ['line separator', 'a\u2028b', 'a\\u2028b'],
  ])('%s in a value is shown, not obeyed', (_name, hostile, shown) => {
    expect(failureText(new MandateError('E_USAGE', { saw: hostile }), PLAIN)).toContain(`  saw   ${shown}\n`);
    const details = { ...DETAILS, saw: [{ selector: `x${hostile}`, value: hostile, assurance: 'observed' as const }] };
    const text = failureText(new RefusedByService('E_NO_RULE', { ...details, rule: hostile, request: hostile, remedy: '' }), PLAIN);
    expect(text).not.toContain(hostile);
  });

  test('a very long value is cut', () => {
    expect(failureText(new MandateError('E_USAGE', { saw: 'x'.repeat(100_000) }), PLAIN).length).toBeLessThan(1000);
  });
});
