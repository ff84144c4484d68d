import { once } from 'node:events';
import http2 from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { HpackReader, literalBlock } from '../../src/system/hpack';
import { HpackError } from '../../src/system/hpack-error';
import { huffmanDecoded } from '../../src/system/hpack-huffman';
import { HeaderBlocks } from '../../src/system/header-blocks';
import type { HeaderField } from '../../src/system/hpack-table';
import { FrameReader, PREFACE } from '../../src/system/http2-frames';

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const pairs = (fields: readonly HeaderField[]) => fields.map(({ name, value }) => `${name}: ${value}`);

/** RFC 7541, Appendix C.4: three requests on one connection, coded and indexed. */
test('the examples of the standard are read as it says', () => {
  const reader = new HpackReader();
  expect(pairs(reader.fields(hex('828684418cf1e3c2e5f23a6ba0ab90f4ff')))).toEqual([
    ':method: GET',
    ':scheme: http',
    ':path: /',
    ':authority: www.example.com',
  ]);
  expect(pairs(reader.fields(hex('828684be5886a8eb10649cbf'))).slice(3)).toEqual([
    ':authority: www.example.com',
    'cache-control: no-cache',
  ]);
  expect(pairs(reader.fields(hex('828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf')))).toEqual([
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ]);
});

test('what is written is read again, with what its sender wants in no table', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ name: latin1(), value: latin1(), never: fc.boolean() }), { maxLength: 20 }), (fields) => {
      expect(new HpackReader().fields(literalBlock(fields))).toEqual(fields);
    }),
  );
});
const latin1 = () => fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

test.each([
  ['index 0', '80'],
  ['an index of nothing', 'be'],
  ['a name of nothing', '7f0001 61'],
  ['a name that is cut off', '00 05 6162'],
  ['a value that is missing', '00 01 61'],
  ['a number that is cut off', 'ff'],
  ['a number without end', 'ff ffffffff ff01'],
  ['a string longer than memory', '00 7fffffffff07'],
  ['a larger table', '3fe21f'],
  ['a table that is resized between fields', '82 20'],
  ['a coded string with the end inside', '00 84 ffffffff 00'],
  ['a coded string padded with zeros', '00 81 00 00'],
  ['a coded string padded with a byte', '00 82 1fff 00'],
])('refused: %s', (_, block) => expect(() => new HpackReader().fields(hex(block))).toThrow(HpackError));

test('a table that is smaller forgets, and one that is emptied knows nothing', () => {
  const reader = new HpackReader();
  reader.fields(hex('40 01 61 01 62'));
  expect(pairs(reader.fields(hex('be')))).toEqual(['a: b']);
  expect(pairs(reader.fields(hex('20 3fe11f 82')))).toEqual([':method: GET']);
  expect(() => reader.fields(hex('be'))).toThrow('no such index');
});

test('a field larger than the table empties it', () => {
  const reader = new HpackReader();
  reader.fields(hex('40 01 61 01 62'));
  reader.fields(Buffer.concat([hex('40 01 61 7fa11f'), Buffer.alloc(4001 + 127, 0x62)]));
  expect(() => reader.fields(hex('be'))).toThrow('no such index');
});

test('a small block may not name a large field again and again', () => {
  const reader = new HpackReader();
  reader.fields(Buffer.concat([hex('40 01 61 7fa10e'), Buffer.alloc(127 + 1825, 0x62)]));
  expect(() => reader.fields(Buffer.alloc(16_000, 0xbe))).toThrow('too large');
});

test('a short coded string may not become a long one', () => {
  expect(() => huffmanDecoded(Buffer.alloc(100, 0), 50)).toThrow('too long');
  expect(huffmanDecoded(hex('f1e3c2e5f23a6ba0ab90f4ff'), 15).toString()).toBe('www.example.com');
});

describe("what Node's HTTP/2 writes", () => {
  let server: Server;
  let accepted: Promise<Socket>;
  const file = path.join(tmpdir(), `hpack-${process.pid}.sock`);
  beforeEach(async () => {
    accepted = new Promise((resolve) => (server = createServer(resolve)));
    await once(server.listen(file), 'listening');
  });
  afterEach(async () => {
    (await accepted).destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** An independent implementation: names and values of many requests, coded, indexed and evicted as it sees fit. */
  test('is read as it was meant, over many requests', async () => {
    const session = http2.connect('http://localhost', { createConnection: () => connect(file) });
    session.on('error', () => undefined);
    const socket = await accepted;
    const asked = Array.from({ length: 60 }, (_, i) => ({
      ':method': 'POST',
      ':path': `/${'p'.repeat(i * 7)}${i % 5}`,
      'x-same': 'always the same',
      [`x-name-${i % 9}`]: Buffer.from(Array.from({ length: i * 5 }, (_, n) => 33 + ((n * 31 + i * 17) % 94))).toString('latin1'),
      'x-bytes': `\u00e9\u00ff${i}`,
    }));
    const frames = new FrameReader();
    const blocks = new HeaderBlocks();
    const read: Record<string, string>[] = [];
    let left = PREFACE.length;
    const all = new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        for (const frame of frames.read(chunk.subarray(left))) {
          const block = blocks.frame(frame);
          if (typeof block === 'object') read.push(Object.fromEntries(block.fields.map(({ name, value }) => [name, value])));
        }
        left = Math.max(0, left - chunk.length);
        if (read.length === asked.length) resolve();
      });
    });
    for (const headers of asked) session.request(headers).on('error', () => undefined);
    await all;
    session.destroy();
    expect(read).toEqual(asked.map((headers) => ({ ':scheme': 'http', ':authority': 'localhost:80', ...headers })));
  });
});
