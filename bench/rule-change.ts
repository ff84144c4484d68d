import { appendFileSync, chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import { askAdmin } from '../src/cli/admin-client';
import { systemClock } from '../src/system/clock';
import { type Figure, figure, shown } from './figure';
import type { Tools } from './main';
import { BIN, Client, Mandate, ROOT } from './mandate';

const CHANGES = 10;
const AGENT = path.join(ROOT, 'test/e2e/agent.js');

interface Heard {
  readonly at: number;
  readonly svids: readonly unknown[];
}

/** From the answer to a rule change until the SVID it gives is there: for a program that waits, and for one that holds a stream. */
export async function ruleChange({ folder }: Tools): Promise<readonly Figure[]> {
  const program = path.join(folder, 'own');
  copyFileSync(process.execPath, program);
  chmodSync(program, 0o755);
  appendFileSync(program, randomBytes(16));
  const sha256 = createHash('sha256').update(readFileSync(program)).digest('hex');
  const mandate = new Mandate();
  try {
    await mandate.up();
    const apply = async (disabled: boolean): Promise<number> => {
      const text = `apiVersion: mandate/v1\nkind: Rule\nname: own\ndisabled: ${disabled}\nmatch: { binary.sha256: "${sha256}" }\nissue: { id: /own }\n`;
      await askAdmin(systemClock, mandate.adminSocket.replace('unix://', ''), 'applyRules', {
        files: [{ fileName: 'own.yaml', text, includes: {} }],
      });
      return performance.timeOrigin + performance.now();
    };
    const waiting: number[] = [];
    const holding: number[] = [];
    for (let change = 0; change < CHANGES; change++) {
      const newcomer = new Client(mandate.spawn(program, [AGENT, 'wait']));
      await newcomer.says('refusal');
      const holder = new Client(mandate.spawn(BIN, ['run', '--', program, AGENT, 'x509']));
      await holder.says('svids');
      const answeredAt = await apply(false);
      const [got, second] = await Promise.all([newcomer.says<Heard>('svids'), holder.says<Heard>('svids')]);
      if (second.svids.length !== 2) throw new Error('the holder did not receive its second identity');
      waiting.push(got.at - answeredAt);
      holding.push(second.at - answeredAt);
      newcomer.finish();
      holder.finish();
      await Promise.all([newcomer.ended(), holder.ended()]);
      await apply(true);
    }
    const basis = (values: readonly number[]) => `longest of ${values.map(shown).join(' ')}`;
    return [
      figure('SVID after a rule change, program that waits', Math.max(...waiting), 'ms', { most: 100 }, basis(waiting)),
      figure('second identity on an open stream', Math.max(...holding), 'ms', { most: 100 }, basis(holding)),
    ];
  } finally {
    await mandate.end();
  }
}
