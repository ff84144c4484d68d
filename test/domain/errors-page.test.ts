import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STOP_CODES } from '../../src/domain/delegation';
import { CATALOGUE, EXIT, GRPC } from '../../src/domain/errors';
import { TRACE_STOPS } from '../../src/domain/trace-links';

const page = readFileSync(join(__dirname, '../../docs/errors.md'), 'utf8');
const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n', 1)[0]!, section.split(/^## /m)[0]!]),
);
const statusName = (status: number): string =>
  Object.entries(GRPC)
    .find(([, number]) => number === status)![0]
    .replace(/[A-Z]/g, (c) => `_${c}`)
    .toUpperCase();

test('one section per code, in the order of the catalogue, and no other', () => {
  expect([...sections.keys()]).toEqual(Object.keys(CATALOGUE));
});

test.each(Object.entries(CATALOGUE))('%s: sentence, status, exit code, and three parts', (code, { message, grpc, exit }) => {
  const lines = sections
    .get(code)!
    .split('\n')
    .filter((line) => line !== '')
    .slice(1);
  expect(lines[0]).toBe(`> ${message}`);
  expect(lines[1]).toBe(`gRPC ${statusName(grpc)} · exit ${exit}`);
  expect(Object.values(EXIT)).toContain(exit);
  expect(lines.slice(2).map((line) => /^\*\*(.+?)\.\*\* \S.{10,}\.$/.exec(line)?.[1])).toEqual(['Meaning', 'Causes', 'What to do']);
});

test('every code that can stop a chain is explained', () => {
  const listed = [...page.matchAll(/^\| `(STOP_[A-Z_]+)`/gm)].map((match) => match[1]!);
  expect([...listed].sort()).toEqual([...new Set([...TRACE_STOPS, ...STOP_CODES])].sort());
});

test('messages are one lower-case sentence without a period', () => {
  for (const { message } of Object.values(CATALOGUE)) expect(message).toMatch(/^[^A-Z.][^\n]*[^.]$|^(PostgreSQL|SPIFFE) /);
});
