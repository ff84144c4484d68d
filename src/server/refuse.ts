import { create } from '@bufbuild/protobuf';
import { MandateError } from '../domain/errors';
import { forAsker, refusalOf } from '../domain/explain';
import { newReference } from '../domain/ids';
import type { Denial } from '../domain/match';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import { type Refusal, RefusalSchema } from '../generated/proto/mandate/v1/refusal_pb';
import type { Configuration } from './configuration';
import type { LiveProcess, Living } from './living';
import { newEvent } from './new-event';
import { owed, paid } from './owed';

/** A refusal that the rules decided, before it was recorded and put into words for whoever asked. */
export class Denied extends MandateError {
  constructor(
    readonly process: LiveProcess,
    readonly denial: Denial,
  ) {
    super(denial.code);
  }
}

export interface RefuserParts {
  readonly configuration: Configuration;
  readonly living: Living;
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The refusal as its asker may see it: its own attributes and which condition failed, never an expected value or a remedy. */
function refusalForAsker(process: LiveProcess, denial: Denial, reference: string): Refusal {
  const told = forAsker(refusalOf(denial, process.evidence, reference));
  return create(RefusalSchema, {
    code: told.code,
    message: told.message,
    saw: told.saw.map((fact) => ({ ...fact })),
    rule: told.rule ?? '',
    ruleVersion: told.ruleVersion ?? 0,
    conditions: told.conditions.map(({ selector, holds, seen }) => ({ selector, holds, seen, expected: [] })),
    remedy: 'ask your administrator',
    request: told.reference,
  });
}

/**
 * Records refusals and answers them. The same refusal of the same process under the same rules is one record, however often it is asked
 * for: a loop in an agent must not fill the lineage.
 */
export class Refuser {
  constructor(private readonly parts: RefuserParts) {}

  async refuse(denied: Denied): Promise<Refusal> {
    const { process, denial } = denied;
    const { configuration, living, lineage, clock, random, log } = this.parts;
    const seen = `${denial.code} ${configuration.freeze().rules.generation} ${process.digest}`;
    const known = process.refusals.get(seen);
    if (known !== undefined) return refusalForAsker(process, denial, known);
    const reference = newReference(random);
    process.refusals.clear();
    process.refusals.set(seen, reference);
    const atMs = clock.nowMs();
    const agent = process.agent;
    const digest = process.digest;
    const event = newEvent(
      random,
      atMs,
      'refused',
      {
        verb: 'identity',
        deviceId: living.device.id,
        pid: process.evidence.pid,
        uid: process.evidence.uid,
        evidenceDigest: digest,
        ruleName: denial.rule?.rule.name ?? null,
        ruleVersion: denial.rule?.version ?? null,
      },
      { reference, code: denial.code, agentId: agent?.row.id ?? null, processKey: process.key },
    );
    try {
      await lineage.append({
        fact: { event },
        ...owed(process, agent, living.device, atMs),
      });
      paid(process, agent, digest);
    } catch (error) {
      // Nothing was issued, so the refusal stands; that it could not be recorded is for the operator.
      process.refusals.delete(seen);
      log.error({ err: error, code: denial.code, process: process.key }, 'refusal not recorded');
    }
    return refusalForAsker(process, denial, reference);
  }
}
