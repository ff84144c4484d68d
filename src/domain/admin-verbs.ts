import type { AgentAnswer, AgentsAnswer, StopAnswer, WhoAnswer } from './agent-answers';
import type { BundleAnswer, SealAnswer, StatusAnswer } from './answers';
import type { AuthoritiesAnswer, OrderAnswer } from './authority-answers';
import type { AuthorityVerb } from './authority-life';
import type { AuthorityKind } from './authority-row';
import type { FederationAnswer, FederationRemovedAnswer, FederationWish } from './federation-answers';
import type { ApplyAnswer, ExplainAnswer, RuleAnswer, RulesAnswer } from './rule-answers';
import type { ManifestAcceptedAnswer, ManifestAnswer, ManifestsAnswer } from './manifest-answers';
import type { Trace } from './trace';

/** One rule file as `rules apply` sends it: its text, and the text of every file it names, so that the server parses it itself. */
export interface RuleFileText {
  readonly fileName: string;
  readonly text: string;
  readonly includes: Readonly<Record<string, string>>;
}

/** A verb that is carried out in the caller's own process, after the server allowed it and put that on record. */
export const AUTHORIZED_VERBS = ['db migrate', 'db status', 'db psql'] as const;
export type AuthorizedVerb = (typeof AUTHORIZED_VERBS)[number];

/** Request and answer of every verb of the Admin service (proto/mandate/v1/admin.proto), by local method name. */
export interface AdminVerbs {
  status: { request: Record<string, never>; answer: StatusAnswer };
  /** A serial, jti or unique prefix of one, or a pid. The answer is the document of `trace -o json`. */
  trace: { request: { readonly reference: string }; answer: Trace };
  listAgents: { request: { readonly ended: boolean; readonly limit: number }; answer: AgentsAnswer };
  showAgent: { request: { readonly reference: string }; answer: AgentAnswer };
  who: { request: { readonly pid: number }; answer: WhoAnswer };
  /** A name, id, prefix of either, or pid. Without `carryOut` it is only said what would end. */
  stopAgent: { request: { readonly reference: string; readonly carryOut: boolean }; answer: StopAnswer };
  listRules: { request: Record<string, never>; answer: RulesAnswer };
  showRule: { request: { readonly name: string }; answer: RuleAnswer };
  applyRules: { request: { readonly files: readonly RuleFileText[] }; answer: ApplyAnswer };
  explainRules: { request: { readonly pid: number }; answer: ExplainAnswer };
  /** `envelope` is a DSSE envelope, `keys` the text of each public key that is to be trusted. */
  addManifest: { request: { readonly envelope: string; readonly keys: readonly string[] }; answer: ManifestAcceptedAnswer };
  updateManifest: {
    request: { readonly name: string; readonly envelope: string; readonly keys?: readonly string[] };
    answer: ManifestAcceptedAnswer;
  };
  listManifests: { request: Record<string, never>; answer: ManifestsAnswer };
  showManifest: { request: { readonly name: string }; answer: ManifestAnswer };
  showAuthorities: { request: Record<string, never>; answer: AuthoritiesAnswer };
  /** `kinds` for `prepare` and `rotate`, for the others `reference`: a key id or a unique prefix of one. */
  orderAuthorities: {
    request: { readonly order: AuthorityVerb; readonly kinds?: readonly AuthorityKind[]; readonly reference?: string };
    answer: OrderAnswer;
  };
  bundle: { request: Record<string, never>; answer: BundleAnswer };
  /** `secret` is the passphrase in base64, null for the credential that systemd gave the server; `again` where the keys are sealed already. */
  sealKeys: { request: { readonly secret: string | null; readonly again: boolean }; answer: SealAnswer };
  listFederation: { request: Record<string, never>; answer: FederationAnswer };
  addFederation: { request: FederationWish; answer: FederationAnswer };
  /** Without a trust domain every partner is asked. */
  refreshFederation: { request: { readonly trustDomain?: string; readonly acceptRollback: boolean }; answer: FederationAnswer };
  removeFederation: { request: { readonly trustDomain: string }; answer: FederationRemovedAnswer };
  authorize: { request: { readonly verb: AuthorizedVerb }; answer: { readonly allowed: true } };
  /** Answered before the parts are ended. */
  shutdown: { request: Record<string, never>; answer: { readonly stopping: true } };
}

export type AdminVerb = keyof AdminVerbs;
