import { type Canonical, canonicalJson } from './canonical';
import type { EventData } from './event-data';
import type { CredentialRow, EventKind, EventRow } from './lineage';

/**
 * Canonical bytes of everything the lineage holds as evidence (docs/records.md). A record names people, programs and arguments by id or
 * digest only, so that what identifies them can be forgotten while the record stands.
 */

/** Version of every record; a reader refuses versions it does not know. */
export const RECORD_VERSION = 1;

/**
 * The record of one issued credential: every column but `record` itself. Written by hand because each issuance pays for it; a test proves
 * it equal to `canonicalJson`. Throws RangeError for what has no canonical form.
 */
export function issuanceRecord(row: Omit<CredentialRow, 'record'>): Buffer {
  return Buffer.from(
    `{"agentId":${text(row.agentId)}` +
      `,"audience":[${row.audience.map(text).join(',')}]` +
      `,"authorityKeyId":${text(row.authorityKeyId)}` +
      `,"delegationId":${text(row.delegationId)}` +
      `,"deviceId":${text(row.deviceId)}` +
      `,"evidenceDigest":${text(row.evidenceDigest)}` +
      `,"issuedAtMs":${whole(row.issuedAtMs)}` +
      `,"kind":${text(row.kind)}` +
      `,"notAfterMs":${whole(row.notAfterMs)}` +
      `,"notBeforeMs":${whole(row.notBeforeMs)}` +
      `,"processKey":${text(row.processKey)}` +
      `,"publicKeySha256":${text(row.publicKeySha256)}` +
      `,"record":"issuance"` +
      `,"ruleName":${text(row.ruleName)}` +
      `,"ruleVersion":${whole(row.ruleVersion)}` +
      `,"serial":${text(row.serial)}` +
      `,"spiffeId":${text(row.spiffeId)}` +
      `,"v":${RECORD_VERSION}}`,
    'utf8',
  );
}

/** Printable ASCII without quote and backslash is its own escape; most values are that. */
const PLAIN = /^[ !#-[\]-~]*$/;

function text(value: string | null): string {
  if (value === null) return 'null';
  return PLAIN.test(value) ? `"${value}"` : canonicalJson(value);
}

const whole = (value: number | null): string => canonicalJson(value);

/** True where the stored bytes of a credential are the record of its columns. */
export const recordMatches = (row: CredentialRow): boolean => issuanceRecord(row).equals(row.record);

/** The record of one event: its columns, and under `data` what its kind says. Throws RangeError for what has no canonical form. */
export function eventRecord<K extends EventKind>(
  row: Omit<EventRow, 'record' | 'kind'> & { readonly kind: K },
  data: EventData[K],
): Buffer {
  const record = canonicalJson({
    v: RECORD_VERSION,
    record: 'event',
    kind: row.kind,
    id: row.id,
    atMs: row.atMs,
    reference: row.reference,
    code: row.code,
    agentId: row.agentId,
    processKey: row.processKey,
    data: data as unknown as Canonical,
  });
  return Buffer.from(record, 'utf8');
}

/** An event row with its record: the only way to make one whose bytes and columns say the same. */
export const eventRow = <K extends EventKind>(
  row: Omit<EventRow, 'record' | 'kind'> & { readonly kind: K },
  data: EventData[K],
): EventRow => ({
  ...row,
  record: eventRecord(row, data),
});

/** A credential row with its record. */
export const credentialRow = (row: Omit<CredentialRow, 'record'>): CredentialRow => ({ ...row, record: issuanceRecord(row) });
