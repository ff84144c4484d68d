import fc from 'fast-check';
import { FactIndex } from '../../src/domain/facts';
import { SELECTORS } from '../../src/domain/selectors';
import { pathFault } from '../../src/domain/spiffe-id';
import { parseTemplate, PLACEHOLDERS, renderTemplate } from '../../src/domain/template';
import { evidence, LAUNCH, REPORTER } from './samples';

const parsed = (text: string) => {
  const result = parseTemplate(text);
  if ('fault' in result) throw new Error(result.fault);
  return result.template;
};
const render = (text: string, values: Record<string, string | readonly string[]> = REPORTER, agentId?: string) => {
  const of = evidence(values);
  const index = new FactIndex(of);
  return renderTemplate(parsed(text), { evidence: of, factsOf: (type) => index.of(type), agentId });
};

test.each([
  ['/agent/{user}', REPORTER, '/agent/ana'],
  ['/agent/{user}', { 'user.name': 'uid-4242' }, '/agent/uid-4242'],
  ['/u/{uid}', REPORTER, '/u/1000'],
  ['/h/{host}/x', REPORTER, '/h/ana-laptop/x'],
  ['/i/{instance}', REPORTER, '/i/deadbeef'],
  ['/l/{launch.name}', LAUNCH, '/l/hello'],
  ['/l/pre-{launch.name}.post', LAUNCH, '/l/pre-hello.post'],
  ['/b/{binary.sha256}', REPORTER, `/b/${REPORTER['binary.sha256']}`],
  ['/fixed', {}, '/fixed'],
])('%s', (template, values, path) => {
  expect(render(template, values, '0197a2f0-0000-7000-8000-0000deadbeef')).toEqual({ path });
});

describe('ID-22: a value that is missing or unusable blocks issuance', () => {
  test.each([
    ['no account name', '/{user}', {}, []],
    ['two values', '/{user.supplementary_group}', REPORTER, ['docker', 'engineers']],
    ['a slash', '/{user}', { 'user.name': 'a/b' }, ['a/b']],
    ['a dot', '/{user}', { 'user.name': '.' }, ['.']],
    ['dots', '/{user}', { 'user.name': '..' }, ['..']],
    ['a dot after a dot', '/.{user}', { 'user.name': '.' }, ['.']],
    ['nothing', '/{user}', { 'user.name': '' }, ['']],
    ['an account of a directory', '/{user}', { 'user.name': 'CORP\\ana' }, ['CORP\\ana']],
    ['a percent escape', '/{user}', { 'user.name': 'a%2fb' }, ['a%2fb']],
    ['a letter beyond ASCII', '/{user}', { 'user.name': 'ána' }, ['ána']],
    ['a control', '/{launch.name}', { 'launch.name': 'a\nb' }, ['a\nb']],
    ['256 characters', '/{user}', { 'user.name': 'a'.repeat(256) }, ['a'.repeat(256)]],
  ])('%s', (_name, template, values, seen) => {
    expect(render(template, values)).toEqual({ missing: { placeholder: template.replace(/.*\{|\}.*/g, ''), seen } });
  });

  test('no agent yet, or an id that is none', () => {
    expect(render('/{instance}')).toEqual({ missing: { placeholder: 'instance', seen: [] } });
    expect(render('/{instance}', REPORTER, 'x')).toEqual({ missing: { placeholder: 'instance', seen: [] } });
  });

  test('a declared value is none for a placeholder that can be better known', () => {
    const types = ['user.name', 'host.name', 'cgroup.unit'];
    const of = evidence({}, { facts: types.map((type) => ({ type, value: 'x', assurance: 'declared' })) });
    const index = new FactIndex(of);
    for (const text of ['/{user}', '/{host}', '/{cgroup.unit}']) {
      expect(renderTemplate(parsed(text), { evidence: of, factsOf: (type) => index.of(type), agentId: undefined })).toMatchObject({
        missing: { seen: [] },
      });
    }
  });

  test('255 characters are still one segment', () => {
    expect(render('/{user}', { 'user.name': 'a'.repeat(255) })).toEqual({ path: `/${'a'.repeat(255)}` });
  });
});

test.each([
  ['', 'starts with /'],
  ['agent', 'starts with /'],
  ['/', 'no empty segment'],
  ['/a/', 'no empty segment'],
  ['/a//b', 'no empty segment'],
  ['/.', 'no segment . or ..'],
  ['/a/../b', 'no segment . or ..'],
  ['/a b', 'holds only'],
  ['/a/{user', 'no } after it'],
  ['/a/user}', 'no { before it'],
  ['/{user}{uid}', 'at most one placeholder'],
  ['/{user}-{uid}', 'at most one placeholder'],
  ['/{{user}}', 'holds only'],
  ['/{}', 'no placeholder {}'],
  ['/{User}', 'no placeholder {User}'],
  ['/{__proto__}', 'no placeholder {__proto__}'],
  ['/{user}}', 'holds only'],
  ['/{user}%', 'holds only'],
  ['/{process.parent}', 'must be one path segment'],
  [`/${'a'.repeat(1024)}`, 'at most 1024'],
])('the template %j is refused: %s', (text, why) => {
  const result = parseTemplate(text);
  expect('fault' in result && result.fault).toContain(why);
});

test('whatever the values, a rendered path is valid, and different values never give one path', () => {
  const names = [...PLACEHOLDERS, ...SELECTORS.filter((s) => s.form !== 'path').map((s) => s.type)];
  const value = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.stringMatching(/^[a-z.-]{1,4}$/));
  const template = fc.array(fc.constantFrom('a', '.x', 'x-{user}', '{launch.name}', '{user}', '{host}.y'), { minLength: 1, maxLength: 4 });
  expect(names.every((name) => 'template' in parseTemplate(`/${'{'}${name}}`))).toBe(true);
  fc.assert(
    fc.property(template, fc.tuple(value, value, value), fc.tuple(value, value, value), (segments, one, two) => {
      const text = `/${segments.join('/')}`;
      const [a, b] = [one, two].map(([user, name, host]) => render(text, { 'user.name': user, 'launch.name': name, 'host.name': host }));
      if ('path' in a!) expect(pathFault(a.path)).toBeUndefined();
      if (!('path' in a!) || !('path' in b!)) return;
      const used = [one, two].map(([user, name, host]) =>
        JSON.stringify([/user/.test(text) && user, /launch/.test(text) && name, /host/.test(text) && host]),
      );
      expect(a.path === b.path).toBe(used[0] === used[1]);
    }),
    { numRuns: 2000 },
  );
});
