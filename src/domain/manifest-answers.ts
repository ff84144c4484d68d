import type { AffectedItem } from './rule-answers';
import type { KeyForm, ManifestKind } from './manifest';

/** The JSON documents of `mandate manifest … -o json`; conventions as in answers.ts. */

export interface ManifestItem {
  readonly name: string;
  readonly kind: ManifestKind;
  /** `damaged`: what is stored no longer verifies, so it admits nothing. `expired`: what it lists holds in the grace of a rule only. */
  readonly state: 'in-force' | 'expired' | 'damaged';
  readonly version: number;
  /** Releases or governed files of the statement in force. */
  readonly entries: number;
  readonly statementSha256: string;
  /** Key that signed the statement in force; null where it is damaged. */
  readonly signedBy: string | null;
  readonly accepted: string;
  /** When the statement in force expires; null for never, and where it is damaged. */
  readonly expires: string | null;
  readonly author: string;
  /** Rules in force that name it. */
  readonly rules: readonly string[];
}

export interface ManifestsAnswer {
  readonly manifests: readonly ManifestItem[];
}

export interface ManifestEntryItem {
  readonly name: string;
  readonly sha256: string;
}

export interface ManifestAnswer {
  readonly manifest: ManifestItem;
  /** Those that the next statement must be signed by. */
  readonly keys: readonly { readonly id: string; readonly form: KeyForm; readonly text: string }[];
  readonly entries: readonly ManifestEntryItem[];
  /** Digest of the configuration as a rule compares it; null for releases. */
  readonly configurationSha256: string | null;
  /** Agent that the files of a configuration govern; null where it names none. */
  readonly agent: string | null;
  /** Newest first; those that count. */
  readonly statements: readonly {
    readonly version: number;
    readonly entries: number;
    readonly statementSha256: string;
    readonly signedBy: string;
    readonly accepted: string;
    readonly expires: string | null;
    readonly author: string;
  }[];
  /** What the statement in force changed of the one before; null where there is none before. */
  readonly changes: ManifestChanges | null;
  /** Hashes of living processes for which all else holds that a rule with this manifest asks for. */
  readonly seen: readonly SeenHash[];
}

export interface ManifestChanges extends EntryDifferences {
  readonly fromVersion: number;
}

export interface EntryDifferences {
  readonly added: readonly ManifestEntryItem[];
  readonly removed: readonly ManifestEntryItem[];
  readonly changed: readonly { readonly name: string; readonly before: string; readonly after: string }[];
}

export interface SeenHash {
  readonly rule: string;
  readonly selector: string;
  readonly sha256: string;
  /** `newest`: the statement in force lists it. `grace`: an earlier one, and the grace of this rule lasts. `refused`: neither. */
  readonly standing: 'newest' | 'grace' | 'refused';
  /** Newest version that lists it; null where none does. */
  readonly version: number | null;
  /** The release by its label; null where there is none, and for a configuration. */
  readonly name: string | null;
  /** True where it counts for nothing, whatever is listed: it is the process's own word, or what it is the digest of changed while it ran. */
  readonly declared: boolean;
  /** How the governed files differ from those that the statement in force lists; null for releases, and where they are not known one by one. */
  readonly files: EntryDifferences | null;
  readonly pids: readonly number[];
}

export interface ManifestAcceptedAnswer {
  readonly name: string;
  readonly kind: ManifestKind;
  /** The version before; null for a new manifest. */
  readonly from: number | null;
  readonly to: number;
  /** False where the same statement was in force already. */
  readonly changed: boolean;
  readonly entries: number;
  readonly statementSha256: string;
  readonly signedBy: string;
  readonly expires: string | null;
  /** Those that the next statement must be signed by, and whether others did before. */
  readonly keys: readonly string[];
  readonly keysChanged: boolean;
  readonly affected: readonly AffectedItem[];
}

/** What `manifest verify` found of a statement that is well signed; any other is an error. */
export interface ManifestVerifyAnswer {
  readonly verified: true;
  readonly name: string;
  readonly kind: ManifestKind;
  readonly version: number;
  readonly entries: readonly ManifestEntryItem[];
  readonly configurationSha256: string | null;
  readonly statementSha256: string;
  readonly signedBy: string;
  readonly agent: string | null;
  readonly expires: string | null;
  /** Keys that it hands over to; empty where it does not. */
  readonly keys: readonly string[];
  /** Version in force in the running service; null where only key files were asked. */
  readonly inForce: number | null;
}
