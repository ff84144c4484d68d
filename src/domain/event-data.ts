import type { AuthorizedVerb } from './admin-verbs';
import type { PersonProof } from './administration';
import type { DelegatorAssurance, DeviceAssurance, Given } from './assurance';
import type { AuthorityVerb } from './authority-life';
import type { FederationProfile } from './federation';
import type { SealedBy } from './key-seal';
import type { LaunchPart } from './launch-measures';
import type { AuthorityKind } from './authority-row';
import type { EndedKind } from './lineage';
import type { ManifestKind } from './manifest';
import type { ToldBy } from './membership';

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
