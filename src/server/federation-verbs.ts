import { z } from 'zod';
import { MandateError } from '../domain/errors';
import { MAX_FOREIGN_BYTES, PROFILES } from '../domain/federation';
import type { FederationAnswer } from '../domain/federation-answers';
import { parseTrustDomain } from '../domain/spiffe-id';
import type { VerbHandlers } from './admin-api';
import type { Callers } from './callers';
import type { Federation } from './federation';
import { federationItem, rulesNaming } from './federation-answers';
import type { Partner } from './partner';
import { referenceText } from './reference';
import type { Rules } from './rules';
import { readWebCa } from './web-ca';

export interface FederationVerbsParts {
  readonly callers: Callers;
  readonly federation: Federation;
  readonly rules: Rules;
  readonly trustDomain: string;
}

type FederationVerb = 'listFederation' | 'addFederation' | 'refreshFederation' | 'removeFederation';

const text = z.string().max(4096);
const wishRequest = z.strictObject({
  trustDomain: text,
  url: text,
  profile: z.enum(PROFILES),
  endpointId: text.nullable(),
  webCa: z.string().max(MAX_FOREIGN_BYTES).nullable(),
  bundle: z.string().max(MAX_FOREIGN_BYTES).nullable(),
});

/** `federation ls`, `add`, `refresh` and `rm`: for administrators alone. */
export function federationVerbs(parts: FederationVerbsParts): Pick<VerbHandlers, FederationVerb> {
  const { callers, federation, rules } = parts;
  const answer = (partners: readonly Partner[]): FederationAnswer => ({
    trustDomain: parts.trustDomain,
    relationships: partners.map((partner) => federationItem(partner, rules.current)),
  });
  return {
    listFederation: async (_, caller) => {
      await callers.administer('federation ls', caller);
      return answer(federation.partners);
    },

    addFederation: async (request, caller) => {
      const standing = await callers.administer('federation add', caller);
      const parsed = wishRequest.safeParse(request);
      if (!parsed.success)
        throw new MandateError('E_REQUEST', { why: 'a trust domain, a URL, a profile and what belongs to it, each as text' });
      const { trustDomain, webCa, bundle, ...wish } = parsed.data;
      const named = {
        ...wish,
        trustDomain: parseTrustDomain(trustDomain),
        webCa: webCa === null ? null : readWebCa(webCa),
        bundle: bundle === null ? null : Buffer.from(bundle, 'utf8'),
      };
      return answer([await federation.add(named, { caller, standing })]);
    },

    refreshFederation: async ({ trustDomain, acceptRollback }, caller) => {
      const standing = await callers.administer('federation refresh', caller);
      const asked = { caller, standing };
      if (trustDomain === undefined) {
        if (acceptRollback) throw new MandateError('E_REQUEST', { why: 'an older bundle is accepted of one trust domain at a time' });
        await Promise.all(federation.partners.map((partner) => partner.ask(asked)));
        return answer(federation.partners);
      }
      const partner = federation.partner(parseTrustDomain(referenceText(trustDomain, 'a trust domain')));
      await (acceptRollback ? partner.askForAny(asked) : partner.ask(asked));
      return answer([partner]);
    },

    removeFederation: async (request, caller) => {
      const standing = await callers.administer('federation rm', caller);
      const trustDomain = parseTrustDomain(referenceText(request.trustDomain, 'a trust domain'));
      await federation.remove(trustDomain, { caller, standing });
      return { trustDomain, removed: true, rules: rulesNaming(trustDomain, rules.current) };
    },
  };
}
