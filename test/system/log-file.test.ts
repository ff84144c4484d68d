import {
  closeSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLogFile } from '../../src/system/log-file';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'log-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function append(file: string, text: string): void {
  const fd = openLogFile(file);
  writeSync(fd, text);
  closeSync(fd);
}

test('is for its owner alone and keeps what was written', () => {
  const file = path.join(folder, 'node.log');
  writeFileSync(file, 'before\n', { mode: 0o644 });
  append(file, 'after\n');
  expect(readFileSync(file, 'utf8')).toBe('before\nafter\n');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(existsSync(`${file}.1`)).toBe(false);
});

test('one that has grown is put aside, and the one put aside before goes', () => {
  const file = path.join(folder, 'node.log');
  writeFileSync(`${file}.1`, 'oldest');
  writeFileSync(file, 'old');
  truncateSync(file, 16 * 1024 * 1024 + 1);
  append(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readFileSync(`${file}.1`, 'latin1').slice(0, 3)).toBe('old');
});

test('a link is not followed', () => {
  const file = path.join(folder, 'node.log');
  symlinkSync(path.join(folder, 'elsewhere'), file);
  expect(() => openLogFile(file)).toThrow('ELOOP');
});
