import { compileCondition, conditionHolds } from '../domain/condition';
import type { EntryDifferences, SeenHash } from '../domain/manifest-answers';
import { CONFIGURATION, configurationFiles } from '../domain/configuration';
import { entryChanges } from '../domain/manifest-changes';
import { isManifestMatch, type ManifestMatch, type RuleVersion } from '../domain/rule';
import { listing } from './manifest-answers';
import type { LoadedManifest, Manifests } from './manifests';
import type { LiveProcess } from './living';

/** Most hashes that are told, and most pids of each. */
const MAX_SEEN = 100;
const MAX_PIDS = 20;

export interface SeenHashesParts {
  readonly rules: readonly RuleVersion[];
  readonly manifests: Manifests;
  readonly processes: Iterable<LiveProcess>;
  readonly nowMs: number;
}

/**
 * Which hashes living processes have where a rule asks a manifest: of each process for which everything else that the rule matches holds,
 * so that a release nobody has signed for yet is seen before anybody asks why it is refused.
 */
export function seenHashes(manifest: LoadedManifest, parts: SeenHashesParts): readonly SeenHash[] {
  const found = new Map<string, SeenHash & { pids: number[] }>();
  const processes = [...parts.processes];
  for (const { rule } of parts.rules) {
    for (const [selector, value] of Object.entries(rule.match)) {
      if (rule.disabled || !isManifestMatch(value) || value.manifest !== manifest.row.name) continue;
      const others = Object.entries(rule.match)
        .filter(([type]) => type !== selector)
        .map(([type, other]) => compileCondition(type, other, (match) => parts.manifests.standing(match, parts.nowMs)));
      for (const process of processes) {
        if (!others.every((condition) => conditionHolds(condition, process.facts))) continue;
        for (const fact of process.facts.of(selector)) {
          const declared = fact.assurance === 'declared';
          const key = `${rule.name} ${selector} ${fact.value} ${declared}`;
          const known = found.get(key);
          if (known === undefined && found.size >= MAX_SEEN) continue;
          const seen = known ?? {
            ...seenHash(manifest, rule.name, selector, fact.value, value, parts),
            declared,
            files: selector === CONFIGURATION ? filesBeside(manifest, process) : null,
            pids: [],
          };
          if (seen.pids.length < MAX_PIDS) seen.pids.push(process.evidence.pid);
          found.set(key, seen);
        }
      }
    }
  }
  return [...found.values()];
}

/** Which governed files of a process are others than the statement in force lists. */
function filesBeside({ statements: [newest] }: LoadedManifest, { facts }: LiveProcess): EntryDifferences | null {
  const files = configurationFiles(facts);
  return newest && newest.statement.kind === 'configuration' && files ? entryChanges(newest.statement.entries, files) : null;
}

function seenHash(
  manifest: LoadedManifest,
  rule: string,
  selector: string,
  sha256: string,
  match: ManifestMatch,
  { manifests, nowMs }: SeenHashesParts,
): Omit<SeenHash, 'declared' | 'files' | 'pids'> {
  const admitted = manifests.standing(match, nowMs)?.admits.has(sha256) === true;
  const newest = manifest.statements[0]?.admits.includes(sha256) === true;
  return { rule, selector, sha256, standing: newest ? 'newest' : admitted ? 'grace' : 'refused', ...listing(manifest, sha256) };
}
