import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { parse } from 'yaml';
import { CONFIG_KEYS, DEFAULT_CONFIG, defaultConfig, parseConfig } from '../../src/domain/config';
import { MandateError } from '../../src/domain/errors';

const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/mandate.schema.json'), 'utf8'));
const valid = new Ajv2020({ strict: true }).compile(schema);

const value = (at: number, text: string) => parseConfig('mandate.yaml', text).values[at];

test.each([
  ['', false, null],
  ['# nothing yet\n', false, null],
  ['admin: {}\n', false, null],
  ['admin: { allow_scripted: false }\n', false, 1],
  ['# scripts of ours\nadmin:\n  allow_scripted: true\n', true, 3],
])('%j', (text, allowScripted, line) => {
  const { config } = parseConfig('mandate.yaml', text);
  expect(config).toEqual({ ...DEFAULT_CONFIG, admin: { allowScripted } });
  expect(value(0, text)).toEqual({ key: 'admin.allow_scripted', value: allowScripted, line });
  expect(Object.isFrozen(config) && Object.isFrozen(config.admin)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test.each([
  ['', 'found', null],
  ['keys: {}\n', 'found', null],
  ['keys: { home: sealed }\nadmin: { allow_scripted: true }\n', 'sealed', 1],
  ['admin: { allow_scripted: true }\n\nkeys:\n  home: credential\n', 'credential', 4],
])('%j', (text, home, line) => {
  const { config } = parseConfig('mandate.yaml', text);
  expect(config.keys).toEqual({ home });
  expect(value(1, text)).toEqual({ key: 'keys.home', value: home, line });
  expect(Object.isFrozen(config.keys)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test.each([
  ['admin: { allow_script: true }', '1:10', 'unknown key admin.allow_script; did you mean allow_scripted?'],
  ['admin:\n  allow_scripted: true\n  allow_scripted: false', '3:3', 'the key allow_scripted appears twice'],
  ['limits: {}', '1:1', 'unknown key limits; known are admin, keys'],
  ['keys: { home: remote }', '1:15', 'keys.home is found or plain or sealed or credential'],
  ['keys: { home: true }', '1:15', 'keys.home is a text'],
  ['keys: { home: seal }', '1:15', 'did you mean sealed?'],
  ['admin: { allow_scripted: "yes" }', '1:26', 'admin.allow_scripted is true or false'],
  ['admin: true', '1:8', 'admin is a map of keys and values'],
  ['- admin', '1:1', 'a configuration is a map of keys and values'],
  ['admin: &a {}', '1:8', 'anchors are not allowed'],
  ['admin: {}\n---\nadmin: { allow_scripted: true }', '3:1', 'a configuration is one document'],
])('%j is refused at its place', (text, at, why) => {
  const refused = () => parseConfig('mandate.yaml', text);
  expect(refused).toThrow(MandateError);
  try {
    refused();
  } catch (error) {
    expect(error).toMatchObject({
      code: 'E_CONFIG',
      explanation: { saw: expect.stringMatching(new RegExp(`mandate\\.yaml:${at}: .*${why.replaceAll('?', '\\?')}`)) },
    });
  }
  if (!/twice|anchors|one document/.test(why)) expect(valid(parse(text))).toBe(false);
});

test('the schema knows exactly the keys', () => {
  const keys = Object.entries<{ properties: object }>(schema.properties).flatMap(([group, { properties }]) =>
    Object.keys(properties).map((key) => `${group}.${key}`),
  );
  expect(keys).toEqual([...CONFIG_KEYS]);
  expect(defaultConfig()).toEqual({
    config: DEFAULT_CONFIG,
    values: [
      { key: 'admin.allow_scripted', value: false, line: null },
      { key: 'keys.home', value: 'found', line: null },
    ],
  });
});
