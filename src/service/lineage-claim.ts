import { type Assurance, GIVEN, type Given, type Ladder, LADDERS } from '../domain/assurance';
import { isObject } from '../verify/strict-json';

/** The private claim of a JWT-SVID that Mandate issued: on whose behalf, and how that is known. The word of the issuer of that trust domain. */
export interface Lineage {
  readonly delegation: string;
  readonly agent: string;
  /** Id of the person in the lineage of the issuer, null where the chain does not reach one; names are not in a token. */
  readonly delegator: string | null;
  readonly given: Given;
  readonly assurance: { readonly [L in Ladder]: Assurance<L> };
}

const CLAIM = 'urn:mandate:lineage';
const MAX_ID = 128;

/** The claim, or undefined where there is none in exactly the form of version 1: half of it read would be a guess. */
export function lineageOf(claims: Readonly<Record<string, unknown>>): Lineage | undefined {
  const claim = claims[CLAIM];
  if (!isObject(claim) || claim['v'] !== 1) return undefined;
  const { delegation, agent, delegator, given, assurance } = claim;
  if (!isObject(assurance)) return undefined;
  const { process, delegator: person, device } = assurance;
  if (!isId(delegation) || !isId(agent) || !(delegator === null || isId(delegator)) || !isGiven(given)) return undefined;
  if (!isOn('process', process) || !isOn('delegator', person) || !isOn('device', device)) return undefined;
  return { delegation, agent, delegator, given, assurance: { process, delegator: person, device } };
}

const isId = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= MAX_ID;
const isGiven = (value: unknown): value is Given => (GIVEN as readonly unknown[]).includes(value);
const isOn = <L extends Ladder>(ladder: L, value: unknown): value is Assurance<L> =>
  (LADDERS[ladder] as readonly unknown[]).includes(value);
