import { MandateError } from '../domain/errors';
import type { CredentialRow } from '../domain/lineage';
import type { Clock, LineageReader } from '../domain/ports';
import { buildTrace } from '../domain/trace';
import type { VerbHandlers } from './admin-api';
import type { Callers, Standing } from './callers';
import { MAX_CANDIDATES, notFound, referenceText, theOne } from './reference';
import { visible, visibleAgent } from './visibility';

export interface TraceVerbParts {
  readonly callers: Callers;
  readonly reader: LineageReader;
  readonly installationId: string;
  readonly installed: boolean;
  /** uids of server and database. */
  readonly issuerUids: () => readonly number[];
  readonly deviceId: () => string | undefined;
  readonly clock: Clock;
}

/** `trace`: the walk from one credential to its human. */
export const traceVerb = (parts: TraceVerbParts): Pick<VerbHandlers, 'trace'> => ({
  trace: async ({ reference }, caller) => {
    const standing = await parts.callers.read('trace', caller);
    const credential = await credentialOf(parts, referenceText(reference), standing);
    const chain = await parts.reader.chain(credential.serial);
    if (!chain || !visible(standing, chain.agent?.id, chain.launch?.uid ?? chain.process?.uid)) throw notFound(reference);
    return buildTrace(chain, {
      issuer: { installed: parts.installed, uids: parts.issuerUids() },
      installationId: parts.installationId,
      nowMs: parts.clock.nowMs(),
    });
  },
});

/** A serial, a jti, a unique prefix of one, or a pid. A reference of another's credential is not found, as if there were none. */
async function credentialOf(parts: TraceVerbParts, reference: string, standing: Standing): Promise<CredentialRow> {
  const { reader } = parts;
  const deviceId = parts.deviceId();
  if (/^[0-9]{1,7}$/.test(reference) && deviceId !== undefined) {
    const [latest] = await reader.credentialsByPid(deviceId, Number(reference), 1);
    if (latest) return latest;
  }
  if (!/^[0-9a-f]{4,32}$/.test(reference)) {
    const agents = (await reader.agentsByReference(reference, MAX_CANDIDATES)).filter((summary) => visibleAgent(standing, summary));
    const { latest } = theOne(agents, reference, ({ agent }) => agent.name);
    if (!latest) throw new MandateError('E_NOT_FOUND', { saw: reference, why: 'this agent has no credential yet' });
    return latest;
  }
  return theOne(await reader.credentialsByPrefix(reference, MAX_CANDIDATES), reference, ({ serial }) => serial);
}
