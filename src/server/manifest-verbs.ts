import { MandateError } from '../domain/errors';
import { MANIFEST_NAME, MAX_MANIFEST_KEYS } from '../domain/manifest';
import type { ManifestKey } from '../domain/manifest';
import type { Clock } from '../domain/ports';
import { MAX_ENVELOPE_BYTES } from '../verify/dsse';
import { manifestKeyId, readManifestKey } from '../verify/manifest-key';
import type { VerbHandlers } from './admin-api';
import type { Callers, PinnedCaller, Standing } from './callers';
import { affectedProcesses, defaultIdentities } from './default-identities';
import type { Journal } from './journal';
import { acceptedAnswer, manifestAnswer, manifestItem } from './manifest-answers';
import { type Accepted, keysInForce, type LoadedManifest, type Manifests, noSuchManifest } from './manifests';
import type { NodeApi } from './node-api';
import { authorOf, type Rules } from './rules';
import { seenHashes } from './seen-hashes';

export interface ManifestVerbsParts {
  readonly callers: Callers;
  readonly node: NodeApi;
  readonly rules: Rules;
  readonly manifests: Manifests;
  readonly clock: Clock;
  /** A statement is in force that was not before: pokes whoever's answer it alters and records the change. `before` is the version it follows. */
  readonly manifestAccepted: (accepted: Accepted, before: number | null, caller: PinnedCaller, standing: Standing) => Promise<void>;
}

type ManifestVerb = 'addManifest' | 'updateManifest' | 'listManifests' | 'showManifest';

/** `manifest add`, `update`, `ls` and `show`: for administrators alone. */
export const manifestVerbs = (parts: ManifestVerbsParts): Pick<VerbHandlers, ManifestVerb> => ({
  addManifest: async ({ envelope, keys }, caller) => {
    const { callers, manifests, clock } = parts;
    const standing = await callers.administer('manifest add', caller);
    const text = envelopeOf(envelope);
    const trusted = keysOf(keys);
    return changed(parts, null, { caller, standing }, () => manifests.add(text, trusted, authorOf(caller), clock.nowMs()));
  },

  updateManifest: async ({ name, envelope, keys }, caller) => {
    const { callers, manifests, clock } = parts;
    const standing = await callers.administer('manifest update', caller);
    const before = known(manifests, name).row;
    const text = envelopeOf(envelope);
    const named = keys === undefined ? [] : keysOf(keys);
    const version = before.statements[0]?.version ?? null;
    return changed(parts, version, { caller, standing }, () => manifests.update(before.name, text, authorOf(caller), clock.nowMs(), named));
  },

  listManifests: async (_, caller) => {
    const { callers, manifests, rules, clock } = parts;
    await callers.administer('manifest ls', caller);
    return { manifests: manifests.all.map((manifest) => manifestItem(manifest, rules.current, clock.nowMs())) };
  },

  showManifest: async ({ name }, caller) => {
    const { callers, manifests, rules, node, clock } = parts;
    await callers.administer('manifest show', caller);
    const manifest = known(manifests, name);
    const processes = node.session?.living.processes.values() ?? [];
    const seen = seenHashes(manifest, { rules: rules.current, manifests, processes, nowMs: clock.nowMs() });
    return manifestAnswer(manifest, rules.current, seen, clock.nowMs());
  },
});

async function changed(
  parts: ManifestVerbsParts,
  before: number | null,
  { caller, standing }: { readonly caller: PinnedCaller; readonly standing: Standing },
  change: () => Promise<Accepted>,
) {
  const defaults = defaultIdentities(parts);
  const accepted = await change();
  if (accepted.statement.version !== before) await parts.manifestAccepted(accepted, before, caller, standing);
  return acceptedAnswer(accepted, before, affectedProcesses(defaults, defaultIdentities(parts)));
}

/** The event of a statement that is in force now. */
export function recordManifest(
  journal: Journal,
  accepted: Accepted,
  before: number | null,
  caller: PinnedCaller,
  standing: Standing,
): Promise<void> {
  const { row } = accepted.manifest;
  const { name: manifest, kind: manifestKind } = row;
  const statement = {
    ...journal.administered(caller, standing),
    manifest,
    version: accepted.statement.version,
    statementSha256: accepted.statement.row.statementSha256,
    keyId: accepted.statement.keyId,
  };
  const keys = keysInForce(accepted.manifest).map(manifestKeyId);
  const columns = { processKey: caller.key };
  if (before !== null) return journal.event('manifest-updated', { ...statement, keys, fromVersion: before }, columns);
  return journal.event('manifest-added', { ...statement, keys, manifestKind }, columns);
}

function known(manifests: Manifests, name: unknown): LoadedManifest {
  if (typeof name !== 'string' || !MANIFEST_NAME.test(name))
    throw new MandateError('E_REQUEST', { why: 'the name of a manifest is expected' });
  const manifest = manifests.get(name);
  if (!manifest) throw noSuchManifest(name);
  return manifest;
}

function envelopeOf(envelope: unknown): string {
  if (typeof envelope !== 'string' || envelope.length > MAX_ENVELOPE_BYTES)
    throw new MandateError('E_REQUEST', { why: 'an envelope is expected' });
  return envelope;
}

/** The keys that are to be trusted, each once. */
function keysOf(keys: unknown): readonly ManifestKey[] {
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_MANIFEST_KEYS || !keys.every((key) => typeof key === 'string'))
    throw new MandateError('E_REQUEST', { why: `1 to ${MAX_MANIFEST_KEYS} public keys, each as text` });
  return [...new Map(keys.map(readManifestKey).map((key) => [manifestKeyId(key), key])).values()];
}
