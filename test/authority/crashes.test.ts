import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authorities, openAuthorities } from '../../src/authority/authorities';
import type { KeyHome } from '../../src/authority/key-home';
import { KeyFiles } from '../../src/authority/key-files';
import { KeyFolder } from '../../src/authority/key-store';
import { LocalKeys } from '../../src/authority/local-keys';
import { keepsKey } from '../../src/domain/authority-life';
import type { AuthorityKind, AuthorityRow } from '../../src/domain/authority-row';
import type { AuthorityStore, Clock } from '../../src/domain/ports';
import { systemRandom } from '../../src/system/random';
import { silentLog } from '../silent-log';
import { FakeAuthorityStore } from './fake-store';
import { DAY_MS, NOW_MS, SETTINGS, TRUST_DOMAIN } from './fixture';

/** Ends a server at one of its writes: before it was made, or after, when nobody is told any more. */
class Crash {
  writes = 0;
  constructor(
    readonly at: number | undefined,
    readonly when: 'before' | 'after',
  ) {}

  async write<T>(make: () => Promise<T>): Promise<T> {
    const mine = this.writes++ === this.at;
    if (mine && this.when === 'before') throw new Error('crashed');
    const made = await make();
    if (mine) throw new Error('crashed');
    return made;
  }
}

/** One server after another on the same store and key folder. */
class Machine {
  nowMs = NOW_MS;
  readonly store = new FakeAuthorityStore();
  readonly folder = mkdtempSync(join(tmpdir(), 'mandate-crash-'));
  readonly clock: Clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs, after: () => () => undefined };

  open(crash: Crash): Promise<Authorities> {
    const { store } = this;
    const keys = new LocalKeys(new KeyFolder(new KeyFiles(join(this.folder, 'keys'))));
    const crashing: AuthorityStore = {
      all: () => store.all(),
      add: (row) => crash.write(() => store.add(row)),
      stage: (keyId, stage, atMs) => crash.write(() => store.stage(keyId, stage, atMs)),
      hasten: (keyId) => crash.write(() => store.hasten(keyId)),
      sequence: (bump) => crash.write(() => store.sequence(bump)),
    };
    const home: KeyHome = {
      description: keys.description,
      create: (kind) => crash.write(() => keys.create(kind)),
      load: (name, publicKey) => keys.load(name, publicKey),
      list: () => keys.list(),
      remove: (name) => crash.write(() => keys.remove(name)),
    };
    const deps = { trustDomain: TRUST_DOMAIN, settings: SETTINGS, store: crashing, keys: home, rs256: false };
    return openAuthorities({ ...deps, clock: this.clock, random: systemRandom, log: silentLog });
  }

  of(kind: AuthorityKind): AuthorityRow[] {
    return this.store.rows.filter((row) => row.kind === kind);
  }

  keyFiles(): string[] {
    return readdirSync(join(this.folder, 'keys')).map((file) => file.replace(/^(x509|jwt-rs256|jwt)-|\.pem$/g, ''));
  }

  end(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const onRecord = () => Promise.resolve();
const none = () => new Crash(undefined, 'before');

interface Scenario {
  readonly before: (machine: Machine) => Promise<void>;
  /** What is interrupted; done again by the server that follows, as whoever ordered it would. */
  readonly act: (machine: Machine, authorities: Authorities) => Promise<unknown>;
  readonly after: (machine: Machine, authorities: Authorities) => void;
}

const first = (machine: Machine): AuthorityRow => machine.of('x509')[0]!;
const taint = (machine: Machine, authorities: Authorities) => authorities.order({ do: 'taint', keyId: first(machine).keyId }, onRecord);

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'the first start': {
    before: () => Promise.resolve(),
    act: () => Promise.resolve(),
    after: (machine) => expect(machine.store.rows.map(({ stage }) => stage)).toEqual(['active', 'active']),
  },
  'the preparation of successors': {
    before: async (machine) => {
      await machine.open(none());
      machine.nowMs += 7 * DAY_MS;
    },
    act: (_, authorities) => authorities.tick(),
    after: (machine) => expect(machine.of('x509').map(({ stage }) => stage)).toEqual(['active', 'prepared']),
  },
  'the hand-over': {
    before: async (machine) => {
      await machine.open(none());
      machine.nowMs += 7 * DAY_MS;
      await machine.open(none());
      machine.nowMs += 6.9 * DAY_MS;
    },
    act: async (machine, authorities) => {
      machine.nowMs += SETTINGS.propagationMs;
      await authorities.tick();
    },
    after: (machine) => expect(machine.of('x509').map(({ stage }) => stage)).toEqual(['retired', 'active']),
  },
  'a rotation by hand': {
    before: async (machine) => void (await machine.open(none())),
    act: async (machine, authorities) => {
      if (machine.of('x509').length < 3) await authorities.order({ do: 'rotate', kinds: ['x509'] }, onRecord).catch(isStage);
      machine.nowMs += SETTINGS.propagationMs;
      await authorities.tick();
    },
    after: (machine) =>
      expect(
        machine
          .of('x509')
          .map(({ stage }) => stage)
          .slice(0, 2),
      ).toEqual(['retired', machine.of('x509').length > 2 ? 'retired' : 'active']),
  },
  'a taint of what signs': {
    before: async (machine) => void (await machine.open(none())),
    act: (machine, authorities) => taint(machine, authorities).catch(isStage),
    after: (machine, authorities) => {
      expect(machine.of('x509').map(({ stage }) => stage)).toEqual(['tainted', 'active']);
      expect(authorities.soundX509()).toEqual([authorities.x509().keyId]);
      expect(authorities.bundle().x509).toHaveLength(2);
    },
  },
  'a taint, with a successor prepared': {
    before: async (machine) => {
      await machine.open(none());
      machine.nowMs += 7 * DAY_MS;
      await machine.open(none());
    },
    act: (machine, authorities) => taint(machine, authorities).catch(isStage),
    // Made at half life, it is at its own half life once the tainted one is gone; nothing else is due.
    after: (machine) => expect(machine.of('x509').map(({ stage }) => stage)).toEqual(['tainted', 'active']),
  },
  'the making of the first RS256 authority': {
    before: async (machine) => void (await machine.open(none())),
    act: async (machine, authorities) => {
      authorities.askForRs256(true);
      await authorities.tick();
      machine.nowMs += SETTINGS.propagationMs;
      await authorities.tick();
    },
    after: (machine, authorities) => {
      expect(machine.of('jwt-rs256').map(({ stage }) => stage)).toEqual(['active']);
      expect(authorities.rs256()?.keyId).toBe(machine.of('jwt-rs256')[0]!.keyId);
      const published = authorities.bundle().jwt.map(({ kid }) => kid);
      expect(published.sort()).toEqual([authorities.jwt().keyId, authorities.rs256()?.keyId].sort());
    },
  },
  'a revocation': {
    before: async (machine) => void (await taint(machine, await machine.open(none()))),
    act: (machine, authorities) => authorities.order({ do: 'revoke', keyId: first(machine).keyId }, onRecord).catch(isStage),
    after: (machine, authorities) => {
      expect(machine.of('x509').map(({ stage }) => stage)).toEqual(['revoked', 'active']);
      expect(authorities.bundle().x509).toEqual([authorities.x509().certificate]);
    },
  },
};

/** Done by the first attempt already. */
const isStage = (error: unknown): void => expect(error).toMatchObject({ code: 'E_AUTHORITY_STAGE' });

describe.each(Object.entries(SCENARIOS))('XC-14: a server that ends during %s', (_, scenario) => {
  test.each(['before', 'after'] as const)('%s any of its writes goes on where it was', async (when) => {
    for (let at = 0, writes = 1; at < writes; at++) {
      const machine = new Machine();
      try {
        await scenario.before(machine);
        const crash = new Crash(at, when);
        const sequences: number[] = [machine.store.number];
        await machine
          .open(crash)
          .then((authorities) => scenario.act(machine, authorities))
          .catch((error: unknown) => {
            if (!String(error).includes('crashed')) throw error;
          });
        // Without a fault this many writes are made: the loop ends when each of them was the last.
        writes = Math.max(writes, crash.writes);
        const next = await machine.open(none());
        await scenario.act(machine, next);
        await next.tick();
        scenario.after(machine, next);
        expect(next.bundle().sequence).toBeGreaterThan(sequences[0]!);
        const kept = machine.store.rows.filter(keepsKey).map(({ keyId }) => keyId);
        expect(machine.keyFiles()).toEqual(expect.arrayContaining(kept));
        // A key without a row is one that nobody trusts; a key of a row that signs no more must be gone.
        const known = machine.keyFiles().filter((keyId) => machine.store.rows.some((row) => row.keyId === keyId));
        expect([...known].sort()).toEqual([...kept].sort());
        for (const kind of ['x509', 'jwt'] as const) expect(machine.of(kind).filter(({ stage }) => stage === 'active')).toHaveLength(1);
      } finally {
        machine.end();
      }
    }
  });
});
