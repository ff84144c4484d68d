import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { parse } from 'yaml';
import { CONFIG_KEYS, DEFAULT_CONFIG, defaultConfig, parseConfig } from '../../src/domain/config';
import { MandateError } from '../../src/domain/errors';

const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schema/mandate.schema.json'), 'utf8'));
const valid = new Ajv2020({ strict: true }).compile(schema);

test.each([
  ['', false, null],
  ['# nothing yet\n', false, null],
  ['admin: {}\n', false, null],
  ['admin: { allow_scripted: false }\n', false, 1],
  ['# scripts of ours\nadmin:\n  allow_scripted: true\n', true, 3],
])('%j', (text, value, line) => {
  const { config, values } = parseConfig('mandate.yaml', text);
  expect(config).toEqual({ admin: { allowScripted: value } });
  expect(values).toEqual([{ key: 'admin.allow_scripted', value, line }]);
  expect(Object.isFrozen(config) && Object.isFrozen(config.admin)).toBe(true);
  expect(valid(parse(text) ?? {})).toBe(true);
});

test.each([
  ['admin: { allow_script: true }', '1:10', 'unknown key admin.allow_script; did you mean allow_scripted?'],
  ['admin:\n  allow_scripted: true\n  allow_scripted: false', '3:3', 'the key allow_scripted appears twice'],
  ['limits: {}', '1:1', 'unknown key limits; known are admin'],
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
    expect(error).toMatchObject({ code: 'E_CONFIG', explanation: { saw: expect.stringContaining(`mandate.yaml:${at}: ${why}`) } });
  }
  if (!/twice|anchors|one document/.test(why)) expect(valid(parse(text))).toBe(false);
});

test('the schema knows exactly the keys', () => {
  const keys = Object.entries<{ properties: object }>(schema.properties).flatMap(([group, { properties }]) =>
    Object.keys(properties).map((key) => `${group}.${key}`),
  );
  expect(keys).toEqual([...CONFIG_KEYS]);
  expect(defaultConfig()).toEqual({ config: DEFAULT_CONFIG, values: [{ key: 'admin.allow_scripted', value: false, line: null }] });
});
