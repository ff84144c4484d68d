import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { binaryAttestor } from '../../attestors/binary';
import { cgroupAttestor } from '../../attestors/cgroup';
import { hostAttestor } from '../../attestors/host';
import { launchAttestor } from '../../attestors/launch';
import { processAttestor } from '../../attestors/process';
import { privilegeAttestor } from '../../attestors/privilege';
import { RootWays } from '../../src/system/root-ways';
import { userAttestor } from '../../attestors/user';
import { type ErrorCode, MandateError } from '../../src/domain/errors';
import type { Attestor, Observation, ProcessView } from '../../src/domain/attestation';
import { attest } from '../../src/node/attest';
import { fileAccounts } from '../../src/system/accounts';
import { cgroupTree } from '../../src/system/cgroup-tree';
import { systemClock } from '../../src/system/clock';
import { FileHashing } from '../../src/system/file-hasher';
import { readHostFacts } from '../../src/system/host-facts';
import { PinnedProcesses } from '../../src/system/processes';
import { Readiness } from '../../src/system/readiness';
import { quiet, talkTo } from '../system/peers';
import { recorded } from './recorded';

const salt = '00'.repeat(16);
const alone = { launch: undefined };
const stating = (name: string, ...observations: Observation[]): Attestor => ({ name, attest: () => observations });
const failing = (name: string, code: ConstructorParameters<typeof MandateError>[0]): Attestor => ({
  name,
  attest: () => {
    throw new MandateError(code);
  },
});
const fact = (name: string, value: string): Observation => ({ name, value, assurance: 'observed' });

describe('the host of the attestors', () => {
  test('stamps every fact with its source', async () => {
    const { evidence } = await attest(recorded(), [stating('a', fact('b.path', 'x')), stating('c')], alone, salt);
    expect(evidence.facts).toEqual([{ type: 'a.b.path', value: 'x', assurance: 'observed' }]);
    expect(evidence).toMatchObject({ salt, processKey: 'boot:1', pid: 41207, uid: 1000, gaps: [], chainEnd: 'init' });
  });

  test('records a gap for what failed, whatever it threw, and keeps the rest', async () => {
    const strange: Attestor = { name: 'd', attest: () => Promise.reject(new TypeError('x')) };
    const { evidence } = await attest(recorded(), [failing('a', 'E_ATTEST_TOO_LARGE'), strange, stating('b', fact('n', 'v'))], alone, salt);
    expect(evidence.gaps).toEqual(['a:E_ATTEST_TOO_LARGE', 'd:E_INTERNAL']);
    expect(evidence.facts).toHaveLength(1);
  });

  test.each([
    ['longer than 4096 bytes', 'é'.repeat(2049)],
    ['not well formed', 'a\ud800'],
  ])('a value that is %s is a gap', async (_, value) => {
    const { evidence } = await attest(recorded(), [stating('a', fact('ok', 'v'), fact('n', value))], alone, salt);
    expect([evidence.facts, evidence.gaps]).toEqual([[], ['a:E_ATTEST_FAILED']]);
  });

  test('evidence above its bound is refused', async () => {
    const many = Array.from({ length: 100 }, (_, i) => fact(`n${i}`, 'x'.repeat(1000)));
    await expect(attest(recorded(), [stating('a', ...many)], alone, salt)).rejects.toMatchObject({ code: 'E_ATTEST_FAILED' });
  });

  const changing = (after: Partial<ProcessView>): { view: ProcessView; attestor: Attestor } => {
    const view = recorded();
    return {
      view,
      attestor: {
        name: 'a',
        attest: async () => {
          Object.assign(view, after);
          return [];
        },
      },
    };
  };

  const rechecked = (code: ErrorCode): Partial<ProcessView> => ({
    recheck: () => {
      throw new MandateError(code);
    },
  });

  test('a process that ended meanwhile has no evidence', async () => {
    const { view, attestor } = changing(rechecked('E_PEER_GONE'));
    await expect(attest(view, [attestor], alone, salt)).rejects.toMatchObject({ code: 'E_PEER_GONE' });
    await expect(attest(recorded(), [failing('a', 'E_PEER_GONE')], alone, salt)).rejects.toMatchObject({ code: 'E_PEER_GONE' });
  });

  test('nor has one that became another program', async () => {
    const { view, attestor } = changing(rechecked('E_PEER_EXEC'));
    await expect(attest(view, [attestor], alone, salt)).rejects.toMatchObject({ code: 'E_PEER_EXEC' });
  });
});

describe('a real process', () => {
  const readiness = new Readiness(quiet);
  const processes = new PinnedProcesses(readiness);
  const hashing = new FileHashing(systemClock);
  afterAll(async () => {
    await hashing.close();
    await readiness.close();
  });
  const attestors = [
    hostAttestor(readHostFacts()),
    userAttestor(fileAccounts()),
    binaryAttestor(hashing),
    processAttestor(),
    privilegeAttestor(new RootWays()),
    cgroupAttestor(cgroupTree()),
    launchAttestor(),
  ];

  test('is what the machine says it is, and the same when asked again', async () => {
    const talker = talkTo('sh', ['-c', 'echo up; read line']);
    await talker.hear();
    const pinned = processes.fromPid(talker.pid);
    const { evidence, digest } = await attest(pinned, attestors, alone, salt);
    const value = (type: string): string | undefined => evidence.facts.find((found) => found.type === type)?.value;
    expect(evidence.gaps).toEqual([]);
    expect(value('user.uid')).toBe(String(process.geteuid!()));
    expect(value('binary.sha256')).toBe(
      createHash('sha256')
        .update(readFileSync(`/proc/${talker.pid}/exe`))
        .digest('hex'),
    );
    expect(value('process.parent')).toBe(process.execPath);
    expect(value('process.start_ticks')).toBe(pinned.startTicks);
    expect(value('host.boot_id')).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
    expect((await attest(pinned, attestors, alone, salt)).digest).toBe(digest);
    pinned.release();
    await talker.end();
  });

  test('that executes during the work has no evidence', async () => {
    const talker = talkTo('sh', ['-c', `echo up; read line; exec "${process.execPath}" -e 'process.stdin.resume()'`]);
    await talker.hear();
    const pinned = processes.fromPid(talker.pid);
    const pushing: Attestor = {
      name: 'pushing',
      attest: async () => {
        talker.say('go');
        while (!pinned.executed()) await new Promise((resolve) => setImmediate(resolve));
        return [];
      },
    };
    await expect(attest(pinned, [...attestors, pushing], alone, salt)).rejects.toMatchObject({ code: 'E_PEER_EXEC' });
    pinned.release();
    await talker.end();
  });
});
