import { create, toBinary } from '@bufbuild/protobuf';
import { X509SVIDResponseSchema } from '../generated/proto/spiffe/workloadapi_pb';
import type { HeldSvid, Served } from './served';
import { foreignBundles, type Trust } from './trust';

/** Clients take 4 MiB in a message; what is left is for the frame and a field that another version may add. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024 - 64 * 1024;
/** Tags and lengths of one entry. */
const ENTRY_OVERHEAD = 64;

/**
 * The whole state of a process as one message: an SVID for each identity, the default first. Undefined where there is none to send: a
 * message without SVIDs, or with an empty bundle, ends watches. Encoded once for all streams of the process.
 */
export function x509Response(served: Served, trust: Trust): Buffer | undefined {
  const { federatesWith } = served;
  const federatedBundles = foreignBundles(trust, federatesWith, 'x509');
  const svids = fitting(
    served.identities.flatMap(({ spiffeId }) => served.svids.get(spiffeId) ?? []),
    trust,
    Object.entries(federatedBundles).reduce((bytes, [name, { length }]) => bytes + name.length + length + ENTRY_OVERHEAD, 0),
  );
  if (svids.length === 0 || trust.x509.length === 0) return undefined;
  const { told } = served;
  const names = federatesWith.join(' ');
  if (told?.bundle === trust.x509 && told.federatesWith === names && same(told.svids, svids)) return told.message;
  const entries = uniqueHints(svids).map(({ spiffeId, chain, key, hint }) => ({
    spiffeId,
    x509Svid: chain,
    x509SvidKey: key,
    bundle: trust.x509,
    hint,
  }));
  const message = Buffer.from(toBinary(X509SVIDResponseSchema, create(X509SVIDResponseSchema, { svids: entries, federatedBundles })));
  served.told = { bundle: trust.x509, federatesWith: names, svids, message };
  return message;
}

/** A hint is unique within one response; the first identity that has it keeps it (SPIFFE Workload API §5.2.1). */
export function uniqueHints<T extends { readonly hint: string }>(svids: readonly T[]): T[] {
  const seen = new Set<string>();
  return svids.map((svid) => {
    const taken = svid.hint !== '' && seen.has(svid.hint);
    seen.add(svid.hint);
    return taken ? { ...svid, hint: '' } : svid;
  });
}

/** As many of the first as one message can carry: a client ends its stream on a message that is too long, and would have none at all. */
function fitting(svids: readonly HeldSvid[], trust: Trust, others: number): readonly HeldSvid[] {
  let bytes = others;
  const end = svids.findIndex(({ spiffeId, chain, key, hint }) => {
    bytes += spiffeId.length + chain.length + key.length + hint.length + trust.x509.length + ENTRY_OVERHEAD;
    return bytes > MAX_RESPONSE_BYTES;
  });
  return end < 0 ? svids : svids.slice(0, end);
}

const same = (a: readonly HeldSvid[], b: readonly HeldSvid[]): boolean => a.length === b.length && a.every((svid, i) => svid === b[i]);
