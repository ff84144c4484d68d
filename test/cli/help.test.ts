import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { COMMANDS, GROUPS } from '../../src/cli/specs/all';
import { TOPICS } from '../../src/cli/topics';
import { EXIT } from '../../src/domain/errors';
import { ROOT, mandate } from './command-line';

const page = (topic: string) => readFileSync(path.join(ROOT, 'docs/help', `${topic}.md`), 'utf8');

describe('--help', () => {
  test.each(COMMANDS.map((spec) => [spec.path.join(' '), spec] as const))(
    '%s: a sentence, usage, examples, then flags; short',
    async (_name, spec) => {
      const { exit, out, err } = await mandate([...spec.path, '--help']);
      expect([exit, err]).toEqual([0, '']);
      const lines = out.split('\n');
      expect(lines.length).toBeLessThan(60);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(130);
      expect(lines[0]).toBe(spec.sentence);
      expect(lines[2]).toMatch(new RegExp(`^  mandate ${spec.path.join(' ')}`));
      expect(lines[4]).toBe('Examples');
      expect(spec.examples.length).toBeGreaterThanOrEqual(2);
      expect(spec.examples.length).toBeLessThanOrEqual(3);
      for (const [line] of spec.examples) expect(line.startsWith(spec.path.join(' '))).toBe(true);
      for (const option of spec.options.flatMap((group) => group.options)) expect(out).toContain(option.flags);
      if (spec.topic !== null) expect(Object.keys(TOPICS)).toContain(spec.topic);
    },
  );

  test.each([[[]], ...GROUPS.map((group) => [[group.name]])])('%j alone', async (words) => {
    const { exit, out } = await mandate([...words, '--help']);
    expect(exit).toBe(0);
    expect(out.split('\n').length).toBeLessThan(60);
    expect(out.indexOf('Examples')).toBeLessThan(out.indexOf(words.length > 0 ? 'Commands' : 'Every day'));
  });

  test('every flag an example uses exists', () => {
    for (const spec of COMMANDS) {
      const known = [...spec.options.flatMap((group) => group.options).map((option) => option.flags), '-o', '--state'].join(' ');
      for (const [line] of spec.examples) {
        const own = line.split(' -- ')[0] ?? '';
        for (const flag of own.match(/(?<= )--?[a-z][a-z-]*/g) ?? []) expect([line, known.includes(flag)]).toEqual([line, true]);
      }
    }
  });
});

describe('help', () => {
  test('topics and pages are the same', () => {
    expect(
      readdirSync(path.join(ROOT, 'docs/help'))
        .map((name) => name.replace('.md', ''))
        .sort(),
    ).toEqual(Object.keys(TOPICS).sort());
  });

  test.each(Object.keys(TOPICS))('%s', async (topic) => {
    const { exit, out } = await mandate(['help', topic]);
    expect(exit).toBe(0);
    expect(out).toBe(page(topic));
    expect(out.split('\n').length).toBeLessThan(60);
  });

  test('exit codes are all explained', () => {
    const text = page('exit-codes');
    for (const code of Object.values(EXIT)) expect(text).toMatch(new RegExp(`^ +${code}  \\S`, 'm'));
  });

  test('a command', async () => {
    expect((await mandate(['help', 'rules', 'apply'])).out).toBe((await mandate(['rules', 'apply', '--help'])).out);
  });

  test('a code, in any case', async () => {
    const { exit, out } = await mandate(['help', 'e_no_rule']);
    expect(exit).toBe(0);
    expect(out.startsWith('E_NO_RULE\n')).toBe(true);
  });

  test('something unknown suggests the nearest', async () => {
    const { exit, err } = await mandate(['help', 'separaton']);
    expect(exit).toBe(7);
    expect(err).toContain('did you mean: mandate help separation');
    expect((await mandate(['help', 'E_NO_RUL'])).err).toContain('mandate help E_NO_RULE');
  });
});
