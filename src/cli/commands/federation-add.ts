import type { FederationAnswer, FederationWish } from '../../domain/federation-answers';
import { EXIT, MandateError } from '../../domain/errors';
import { MAX_FOREIGN_BYTES } from '../../domain/federation';
import { askAdmin } from '../admin-client';
import { operand, textOption } from '../arguments';
import { relationshipText } from '../federation-text';
import { readInput } from '../input';
import type { Command, Options } from '../specs/spec';

/** Longer than other verbs: the endpoint is asked once before the answer comes. */
const DEADLINE_MS = 30_000;

/** `mandate federation add`. */
export const federationAdd: Command = async ({ deps, out, service }, operands, options) => {
  const fileOf = (name: string) => {
    const file = textOption(options, name);
    return file === undefined ? null : readInput(deps.cwd, file, MAX_FOREIGN_BYTES).toString('utf8');
  };
  const wish: FederationWish = {
    trustDomain: operand(operands, 0),
    url: needed(options, 'url', 'the bundle endpoint of the partner'),
    profile: needed(options, 'profile', 'https_spiffe or https_web'),
    endpointId: textOption(options, 'endpointId') ?? null,
    webCa: fileOf('ca'),
    bundle: fileOf('bundle'),
  };
  const answer: FederationAnswer = await askAdmin(deps.clock, service().adminSocket, 'addFederation', wish, DEADLINE_MS);
  const [added] = answer.relationships;
  out.answer(answer, (style) => answer.relationships.map((item) => relationshipText(item, 'added', deps.clock.nowMs(), style)).join(''));
  // It is there either way, and is tried again by itself.
  return added?.state === 'none' ? EXIT.failure : EXIT.ok;
};

function needed(options: Options, name: string, what: string): string {
  const value = textOption(options, name);
  if (value === undefined) throw new MandateError('E_USAGE', { saw: `no --${name}`, fix: `give --${name}: ${what}` });
  return value;
}
