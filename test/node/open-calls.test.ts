import { OpenCalls } from '../../src/node/open-calls';
import type { PinnedProcess } from '../../src/system/process-view';

const peer = (uid: number, key: string) => ({ uid, process: { key } as PinnedProcess });
const begun = (calls: OpenCalls, tries: number, of: (i: number) => ReturnType<typeof peer>): (() => void)[] =>
  Array.from({ length: tries }, (_, i) => i).flatMap((i) => {
    try {
      return [calls.begin(of(i))];
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'E_PEER_CALLS', grpcStatus: 8 });
      return [];
    }
  });

test('a process has so many under way, and what it is refused costs the others of its user nothing', () => {
  const calls = new OpenCalls({ perProcess: 3, perUid: 5 });
  expect(begun(calls, 100, () => peer(1000, 'one'))).toHaveLength(3);
  expect(begun(calls, 2, () => peer(1000, 'two'))).toHaveLength(2);
});

test('a user has so many under way: a process for each call is no way around that', () => {
  const calls = new OpenCalls({ perProcess: 3, perUid: 5 });
  expect(begun(calls, 100, (i) => peer(1000, `process ${i}`))).toHaveLength(5);
  expect(begun(calls, 3, () => peer(1001, 'other'))).toHaveLength(3);
});

test('what has ended is taken back, once', () => {
  const calls = new OpenCalls({ perProcess: 2, perUid: 2 });
  const [end] = begun(calls, 2, () => peer(1000, 'one'));
  end!();
  end!();
  expect(begun(calls, 2, () => peer(1000, 'one'))).toHaveLength(1);
});
