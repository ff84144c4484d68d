import type { PersonProof } from './administration';
import type { AuthorizedVerb } from './admin-verbs';
import type { AuthorityVerb } from './authority-life';
import type { AuthorityKind, CredentialRow, EndedKind, EventKind, EventRow } from './lineage';
import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import { canonicalJson } from './canonical';
import type { SealedBy } from './key-seal';
import type { FederationProfile } from './federation';
import type { LaunchPart } from './launch-measures';
import type { ManifestKind } from './manifest';
import type { ToldBy } from './membership';
import type { Canonical } from './canonical';

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

/** What each kind of event says beside the members all events have. */
export interface EventData {
  readonly 'installation-created': { readonly installationId: string; readonly trustDomain: string };
  readonly 'authority-prepared': AuthorityData & {
    /** SHA-256 of the certificate (X.509) or SubjectPublicKeyInfo (JWT). */
    readonly publicSha256: string;
    readonly notBeforeMs: number;
    readonly notAfterMs: number;
  };
  readonly 'authority-activated': AuthorityData;
  readonly 'authority-retired': AuthorityData;
  readonly 'authority-tainted': AuthorityData;
  readonly 'authority-revoked': AuthorityData;
  /** An administrator orders a step; on record before anything of it is done. `keyId` is null where a new authority is asked for. */
  readonly 'authority-ordered': AdministratorData & {
    readonly order: AuthorityVerb;
    readonly authorities: readonly AuthorityKind[];
    readonly keyId: string | null;
  };
  readonly 'device-seen': { readonly deviceId: string; readonly assurance: DeviceAssurance; readonly os: string; readonly kernel: string };
  readonly 'launch-opened': DelegationData & {
    readonly launchId: string;
    readonly programSha256: string;
    readonly argumentCount: number;
    readonly terminal: boolean;
    readonly membership: ToldBy;
    /** `domain`, or why there is none. */
    readonly confinement: string;
    /** What the node measured before the program ran; null where there was none. */
    readonly scriptSha256: string | null;
    readonly packageSha256: string | null;
    readonly lockSha256: string | null;
    readonly configurationSha256: string | null;
    /** Only where the launch has a uid of its own: that uid, and the evidence of whoever launched it. */
    readonly ownUid?: number;
    readonly launcherEvidenceDigest?: string;
  };
  /** The launched process turned out to run something else than was measured before. */
  readonly 'launch-changed': {
    readonly launchId: string;
    readonly deviceId: string;
    readonly pid: number;
    readonly uid: number;
    readonly evidenceDigest: string;
    readonly changed: readonly LaunchPart[];
  };
  readonly 'launch-joined': {
    readonly launchId: string;
    readonly deviceId: string;
    readonly evidenceDigest: string;
    readonly programSha256: string;
    /** As the launcher said; shown, never acted on. */
    readonly declaredName: string;
  };
  readonly 'agent-started': DelegationData;
  readonly 'process-seen': {
    readonly deviceId: string;
    readonly launchId: string | null;
    readonly viaProcessKey: string | null;
    readonly pid: number;
    readonly uid: number;
    readonly startTicks: string;
    readonly evidenceDigest: string;
  };
  /** The files that govern an agent are no longer those of the first look at this process. */
  readonly 'configuration-changed': {
    readonly deviceId: string;
    readonly pid: number;
    readonly uid: number;
    /** Evidence that shows the change. */
    readonly evidenceDigest: string;
    /** Value of agent.config_sha256 at the first look, and now. */
    readonly firstSha256: string;
    readonly nowSha256: string;
  };
  /** A process, and with the last one its agent, launch and delegation. */
  readonly ended: { readonly ended: readonly { readonly what: EndedKind; readonly id: string }[]; readonly reason: string };
  readonly refused: CallerData & {
    readonly verb: string;
    readonly ruleName: string | null;
    readonly ruleVersion: number | null;
  };
  readonly 'admin-refused': CallerData & { readonly verb: string };
  readonly 'rules-applied': AdministratorData & {
    readonly generation: number;
    readonly rules: readonly { readonly name: string; readonly version: number; readonly contentSha256: string }[];
  };
  /** A manifest was begun. */
  readonly 'manifest-added': StatementData & { readonly manifestKind: ManifestKind };
  readonly 'manifest-updated': StatementData & { readonly fromVersion: number };
  /** From now on a foreign trust domain has this endpoint. */
  readonly 'federation-added': FederationData & {
    readonly url: string;
    readonly profile: FederationProfile;
    readonly endpointId: string | null;
    /** SHA-256 of the PEM given for its endpoint. */
    readonly webCaSha256: string | null;
  };
  /** Another bundle of a foreign trust domain is in force; who asked for it is null where nobody did. */
  readonly 'federation-bundle': FederationData & {
    readonly documentSha256: string;
    /** Decimal; null where the document has none. */
    readonly sequence: string | null;
    readonly x509Authorities: number;
    readonly jwtAuthorities: number;
    /** False where an administrator gave it. */
    readonly fetched: boolean;
    /** An administrator let it replace one with a higher sequence number. */
    readonly rollback: boolean;
  };
  readonly 'federation-removed': FederationData;
  /** An administrator was let to the database itself, past everything that looks at callers. */
  readonly 'database-opened': AdministratorData & { readonly verb: AuthorizedVerb };
  /** Somebody ordered the end of an agent's processes; on record before they are ended. */
  readonly 'agent-stopped': AdministratorData & { readonly launchId: string | null };
  /** Somebody ordered the authority keys under a new seal; on record before it is done. */
  readonly 'keys-sealed': AdministratorData & { readonly by: SealedBy };
  readonly shutdown: AdministratorData & { readonly reason: string };
}

interface AuthorityData {
  readonly keyId: string;
  readonly authority: AuthorityKind;
}

/** The root delegation that an agent started under; `personId` is null where the chain stops, with its code. */
interface DelegationData {
  readonly delegationId: string;
  readonly deviceId: string;
  readonly evidenceDigest: string;
  readonly personId: string | null;
  readonly assurance: DelegatorAssurance;
  readonly given: Given;
  readonly stopCode: string | null;
  readonly endsAtMs: number;
}

/** What happened to the relationship of this id. */
interface FederationData extends AdministratorData {
  readonly federationId: string;
  readonly trustDomain: string;
}

/** A statement of a manifest that is in force from now on. */
interface StatementData extends AdministratorData {
  readonly manifest: string;
  /** Names of the keys that the next statement must be signed by. */
  readonly keys: readonly string[];
  readonly version: number;
  readonly statementSha256: string;
  /** The trusted key that signed it. */
  readonly keyId: string;
}

/** Who asked, as far as it is known. */
interface CallerData {
  readonly deviceId: string | null;
  readonly pid: number | null;
  readonly uid: number | null;
  readonly evidenceDigest: string | null;
}

/** Who asked; `person` says how it is known that a person did, and is null for root and for who ends an agent of its own. */
interface AdministratorData extends CallerData {
  readonly person: PersonProof | null;
}

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
