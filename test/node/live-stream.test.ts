import { EventEmitter } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { MandateError } from '../../src/domain/errors';
import { LiveStream } from '../../src/node/live-stream';
import { workloadStatus } from '../../src/node/workload-status';

/** A call whose reader keeps up until it is told otherwise. */
class Call extends EventEmitter {
  writableNeedDrain = false;
  readonly written: string[] = [];
  readonly ends: unknown[] = [];
  write(message: Buffer): void {
    this.written.push(message.toString());
  }
  end(): void {
    this.ends.push('OK');
  }
}

let call: Call;
let out: LiveStream;
beforeEach(() => {
  call = new Call();
  out = new LiveStream(call as unknown as ServerWritableStream<unknown, unknown>, workloadStatus);
  call.on('error', (error: { code: number }) => call.ends.push(error.code));
});
const send = (text: string) => out.send(Buffer.from(text));

test('WL-05: a message that changes nothing is not sent', () => {
  for (const text of ['a', 'a', 'b', 'b', 'a']) send(text);
  expect(call.written).toEqual(['a', 'b', 'a']);
});

test('WL-11: a reader that does not keep up is owed the newest state alone', () => {
  send('first');
  call.writableNeedDrain = true;
  for (let i = 0; i < 1000; i++) send(`state ${i}`);
  expect(call.written).toEqual(['first']);
  call.writableNeedDrain = false;
  call.emit('drain');
  expect(call.written).toEqual(['first', 'state 999']);
});

test('WL-11: what is owed when the stream ends is never sent', () => {
  send('first');
  call.writableNeedDrain = true;
  send('second');
  call.emit('cancelled');
  call.emit('drain');
  expect(call.written).toEqual(['first']);
});

test('WL-10: it ends once, with an error, and sends nothing after it', () => {
  send('a');
  out.fail(new MandateError('E_STARTING'));
  out.fail(new MandateError('E_NO_RULE'));
  send('b');
  expect([call.ends, call.written]).toEqual([[14], ['a']]);
});

test.each([
  ['E_NO_RULE', 7],
  ['E_SECURITY_HEADER', 3],
  ['E_UNIMPLEMENTED', 12],
  ['E_SERVER_DOWN', 14],
  ['E_INTERNAL', 14],
  ['E_TIMEOUT', 14],
  ['E_SELF_CHECK', 14],
  ['E_ATTEST_FAILED', 14],
  ['E_LINEAGE_NOT_DURABLE', 14],
] as const)('WE-14: %s ends it with %i', (code, status) => {
  out.fail(new MandateError(code));
  expect(call.ends).toEqual([status]);
});
