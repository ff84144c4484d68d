import { LADDERS } from './assurance';
import type { ProcessAssurance } from './assurance';
import { MandateError } from './errors';
import { bytesInOrder, factsInOrder, MAX_EVIDENCE_BYTES } from './evidence';
import type { Ancestor, Evidence, Fact } from './evidence';

/** Most facts, ancestors and gaps in one piece of evidence. */
export const MAX_FACTS = 256;
export const MAX_ANCESTORS = 64;
export const MAX_GAPS = 64;
/** Longest value of one fact and longest path of an ancestor's program, in bytes of UTF-8. */
export const MAX_FACT_VALUE_BYTES = 4096;
/** Longest selector type. */
export const MAX_FACT_TYPE_LENGTH = 64;

const MAX_PID = 2 ** 22;
const MAX_UID = 2 ** 32 - 1;

/**
 * The evidence that `bytes` encode, if they are its one canonical form (docs/records.md): bounded before it is parsed, exact
 * members, bounded values, and encoding it again gives the same bytes. Two byte strings can therefore never mean the same evidence,
 * and the digest names one meaning. Throws E_REQUEST; its text never repeats what the bytes said.
 */
export function decodeEvidence(bytes: Uint8Array): Evidence {
  if (bytes.length > MAX_EVIDENCE_BYTES) throw refused(`evidence has at most ${MAX_EVIDENCE_BYTES} bytes`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const evidence = shape(parse(buffer.toString('utf8')));
  let again: Buffer;
  try {
    again = bytesInOrder(evidence);
  } catch (cause) {
    throw refused('a text is not well-formed Unicode', cause);
  }
  const ordered = factsInOrder(evidence.facts) && evidence.gaps.every((gap, at, gaps) => at === 0 || gaps[at - 1]! <= gap);
  if (!ordered || !again.equals(buffer)) throw refused('the bytes are not the canonical form of what they say');
  return evidence;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused('the bytes are not JSON', cause);
  }
}

const MEMBERS = ['v', 'salt', 'processKey', 'pid', 'uid', 'gid', 'startTicks', 'facts', 'ancestors', 'chainEnd', 'gaps'] as const;

function shape(value: unknown): Evidence {
  const e = record(value, MEMBERS, 'evidence');
  if (e.v !== 1) throw refused('the version of the evidence is not 1');
  return Object.freeze({
    v: 1,
    salt: matching(e.salt, /^[0-9a-f]{32}$/, 'salt'),
    processKey: processKey(e.processKey),
    pid: whole(e.pid, 1, MAX_PID, 'pid'),
    uid: whole(e.uid, 0, MAX_UID, 'uid'),
    gid: whole(e.gid, 0, MAX_UID, 'gid'),
    startTicks: matching(e.startTicks, /^[0-9]{1,20}$/, 'startTicks'),
    facts: list(e.facts, MAX_FACTS, 'facts').map(fact),
    ancestors: list(e.ancestors, MAX_ANCESTORS, 'ancestors').map(ancestor),
    chainEnd: text(e.chainEnd, 256, 'chainEnd'),
    gaps: list(e.gaps, MAX_GAPS, 'gaps').map((gap) => matching(gap, /^[a-z][a-z0-9_]{0,31}:E_[A-Z0-9_]{1,60}$/, 'gaps')),
  });
}

const ASSURANCES: readonly string[] = LADDERS.process;
const isAssurance = (word: unknown): word is ProcessAssurance => typeof word === 'string' && ASSURANCES.includes(word);

function fact(value: unknown): Fact {
  const [type, content, assurance, ...rest] = list(value, 3, 'facts');
  if (rest.length > 0 || !isAssurance(assurance)) throw refused('a fact is [type, value, assurance]');
  return Object.freeze({ type: factType(type), value: text(content, MAX_FACT_VALUE_BYTES, 'facts'), assurance });
}

function factType(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_FACT_TYPE_LENGTH) throw refused('the type of a fact is too long or no text');
  return matching(value, /^[a-z]+\.[a-z0-9_]+$/, 'facts');
}

function ancestor(value: unknown): Ancestor {
  const a = record(value, ['key', 'pid', 'uid', 'exe'] as const, 'ancestors');
  return Object.freeze({
    key: processKey(a.key),
    pid: whole(a.pid, 1, MAX_PID, 'ancestors'),
    uid: whole(a.uid, 0, MAX_UID, 'ancestors'),
    exe: text(a.exe, MAX_FACT_VALUE_BYTES, 'ancestors'),
  });
}

/** Boot id and numbers: no blank, no control, nothing that needs escaping anywhere. */
const processKey = (value: unknown): string => matching(value, /^[\x21-\x7e]{1,200}$/, 'processKey');

function record<K extends string>(value: unknown, members: readonly K[], what: string): Record<K, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(`${what} is not an object`);
  const names = Object.keys(value);
  if (names.length !== members.length || !members.every((name) => Object.hasOwn(value, name))) {
    throw refused(`${what} has other members than ${members.join(', ')}`);
  }
  return value as Record<K, unknown>;
}

function list(value: unknown, max: number, what: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length > max) throw refused(`${what} is not a list of at most ${max}`);
  return value as readonly unknown[];
}

function whole(value: unknown, min: number, max: number, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw refused(`${what} is out of range`);
  return value;
}

function matching(value: unknown, form: RegExp, what: string): string {
  if (typeof value !== 'string' || !form.test(value)) throw refused(`${what} has another form than ${form.source}`);
  return value;
}

/** NUL is refused because the kernel's texts cannot hold it and PostgreSQL cannot store it. */
function text(value: unknown, maxBytes: number, what: string): string {
  if (typeof value !== 'string' || value.length > maxBytes || Buffer.byteLength(value) > maxBytes || value.includes('\0')) {
    throw refused(`a text in ${what} is longer than ${maxBytes} bytes or holds NUL`);
  }
  return value;
}

const refused = (why: string, cause?: unknown): MandateError =>
  new MandateError('E_REQUEST', { saw: 'evidence', why }, cause === undefined ? {} : { cause });
