import { createHash } from 'node:crypto';
import type { ProcessAssurance } from './assurance';
import { canonicalJson } from './canonical';

/** Upper bound of one piece of canonical evidence, checked before it is parsed. */
export const MAX_EVIDENCE_BYTES = 64 * 1024;

/** One established fact: a selector `type`, its value, and how it is known. `type` is `<attestor>.<name>`, stamped by the host. */
export interface Fact {
  readonly type: string;
  readonly value: string;
  readonly assurance: ProcessAssurance;
}

/** One hop of the parent chain, pinned when it was read; nearest first. */
export interface Ancestor {
  readonly key: string;
  readonly pid: number;
  readonly uid: number;
  readonly exe: string;
}

/**
 * What was established about one pinned process. It holds nothing that changes while the process stays the same program,
 * so a renewal names the same digest.
 */
export interface Evidence {
  readonly v: 1;
  /** 128 random bits in hex: makes the digest a commitment that names and paths cannot be guessed back from. */
  readonly salt: string;
  /** `<boot id>:<pidfs inode>`, or before Linux 6.9 `<boot id>:<pid namespace>:<pid>:<start ticks>`. */
  readonly processKey: string;
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly startTicks: string;
  readonly facts: readonly Fact[];
  readonly ancestors: readonly Ancestor[];
  /** Why the parent chain ends where it ends: `init` when it was handed to, or reached, pid 1; otherwise the reason. */
  readonly chainEnd: string;
  /** What could not be established and why: `<attestor>:<error code>`. Absence is evidence too. */
  readonly gaps: readonly string[];
}

/** Canonical bytes and SHA-256 digest (lower-case hex) of evidence; facts are sorted and duplicates dropped. */
export function encodeEvidence(evidence: Evidence): { bytes: Buffer; digest: string } {
  const facts = [...new Map(evidence.facts.map((f) => [`${f.type}\0${f.value}`, f])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, f]) => [f.type, f.value, f.assurance]);
  const bytes = Buffer.from(
    canonicalJson({
      v: 1,
      salt: evidence.salt,
      processKey: evidence.processKey,
      pid: evidence.pid,
      uid: evidence.uid,
      gid: evidence.gid,
      startTicks: evidence.startTicks,
      facts,
      ancestors: evidence.ancestors.map((a) => ({ key: a.key, pid: a.pid, uid: a.uid, exe: a.exe })),
      chainEnd: evidence.chainEnd,
      gaps: [...evidence.gaps].sort(),
    }),
    'utf8',
  );
  return { bytes, digest: evidenceDigest(bytes) };
}

/** SHA-256 of canonical evidence bytes, lower-case hex. */
export const evidenceDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
