import { randomBytes } from 'node:crypto';
import { hasProgram } from '../running/installation';
import { UnitParts } from '../running/units';
import { administering, down } from './cases/administering';
import { claims } from './cases/claims';
import { issuer } from './cases/issuer';
import { nodeLink } from './cases/node-link';
import { anOrdinaryAccount } from './ordinary-account';
import { OurMandate } from './our-mandate';
import { runOn } from './suite';
import type { Row } from './table';

jest.setTimeout(300_000);

/** The same attacks as on `mandate up`, where each part runs as its unit says. */
class InstalledAsUnits extends OurMandate {
  readonly #parts = new UnitParts(this);

  override up(): Promise<void> {
    return this.#parts.up();
  }

  override down(): Promise<void> {
    return this.#parts.down();
  }

  override part(name: 'server' | 'node'): number {
    return this.#parts.pidOf(name);
  }
}

/** Ways of a launched agent to become more than it is; `down` comes last, since it would end the field. */
const PROMOTIONS = [...issuer, ...administering, nodeLink, ...claims.filter(({ name }) => name === 'forged login uid'), down];
const AT_LEAST = 20;

const account = process.getuid?.() === 0 ? anOrdinaryAccount() : undefined;
const possible = account !== undefined && ['setpriv', 'unshare', 'python3'].every((name) => hasProgram(name));
if (!possible)
  process.stdout.write('units.test.ts: attacks on an installation need root, an account of a person, setpriv, unshare and python3\n');

(possible ? test : test.skip)('an agent on an installed mandate promotes itself in none of the ways that are tried', async () => {
  const field = await InstalledAsUnits.field({ mode: 'installed', account, seed: randomBytes(4).toString('hex') });
  const rows: Row[] = [];
  try {
    await runOn(field, PROMOTIONS, 1, (row) => void rows.push(row));
    // Still there, and still answering who asks.
    expect((await field.ours.mandate(['status'])).code).toBe(0);
  } finally {
    await field.ours.end();
  }
  const tried = rows.filter(({ verdict }) => !verdict.startsWith('skipped'));
  expect(tried.filter(({ verdict }) => verdict !== 'defeated')).toEqual([]);
  expect(tried.length).toBeGreaterThanOrEqual(AT_LEAST);
});
