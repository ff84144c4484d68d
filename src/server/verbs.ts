import type { VerbHandlers } from './admin-api';
import { agentVerbs, type AgentVerbsParts } from './agent-verbs';
import { authorityVerbs, type AuthorityVerbsParts } from './authority-verbs';
import { explainVerb, type ExplainVerbParts } from './explain-verb';
import { federationVerbs, type FederationVerbsParts } from './federation-verbs';
import { installationVerbs, type InstallationVerbsParts } from './installation-verbs';
import { manifestVerbs, type ManifestVerbsParts } from './manifest-verbs';
import { ruleVerbs, type RuleVerbsParts } from './rule-verbs';
import { sealVerb, type SealVerbParts } from './seal-verb';
import { stopVerb, type StopVerbParts } from './stop-verb';
import { traceVerb, type TraceVerbParts } from './trace-verb';

export type VerbsParts = InstallationVerbsParts &
  AuthorityVerbsParts &
  AgentVerbsParts &
  RuleVerbsParts &
  ManifestVerbsParts &
  FederationVerbsParts &
  ExplainVerbParts &
  StopVerbParts &
  SealVerbParts &
  TraceVerbParts;

/** What each verb of the admin API does, once its caller may use it. */
export const verbHandlers = (parts: VerbsParts): VerbHandlers => ({
  ...installationVerbs(parts),
  ...authorityVerbs(parts),
  ...agentVerbs(parts),
  ...stopVerb(parts),
  ...sealVerb(parts),
  ...ruleVerbs(parts),
  ...explainVerb(parts),
  ...manifestVerbs(parts),
  ...federationVerbs(parts),
  ...traceVerb(parts),
});
