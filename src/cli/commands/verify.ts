import type { VerifyAnswer } from '../../domain/answers';
import { MandateError } from '../../domain/errors';
import { parseSpiffeId } from '../../domain/spiffe-id';
import { listOption, textOption } from '../arguments';
import { readInput } from '../input';
import { safe } from '../safe';
import type { Command, CommandContext, Options } from '../specs/spec';
import type { Style } from '../style';
import { pairs } from '../table';
import { left, utc } from '../times';
import type * as JwtSvidModule from '../../verify/jwt-svid';
import type * as BundleMapModule from '../../verify/bundle-map';
import type { TrustBundles } from '../../verify/trust-bundle';
import type * as X509SvidModule from '../../verify/x509-svid';
import type * as AdminClientModule from '../admin-client';

const MAX_SVID_BYTES = 256 * 1024;
const MAX_BUNDLE_BYTES = 1024 * 1024;

/** `mandate verify`: whether an SVID is genuine, current, and the one of whoever it must be. */
export const verify: Command = async (context, operands, options) => {
  const { deps, out } = context;
  const expected = expectation(options);
  const text = readInput(deps.cwd, operands[0] ?? '-', MAX_SVID_BYTES)
    .toString('utf8')
    .trim();
  const isPem = text.startsWith('-----BEGIN ');
  const audience = textOption(options, 'audience');
  if (!isPem && audience === undefined)
    throw new MandateError('E_USAGE', {
      saw: 'a JWT-SVID without --audience',
      fix: 'a token is good only for whom it was made: name the audience',
    });
  const { bytes, from, trustDomain } = await bundleOf(context, options, isPem);
  const { parseBundles } = require('../../verify/bundle-map') as typeof BundleMapModule;
  const bundle = parseBundles(bytes, trustDomain ?? commonTrustDomain(expected));
  const result = isPem ? x509(text, bundle, deps.clock.nowMs()) : await jwt(text, audience ?? '', bundle, deps.clock.nowMs());
  if (expected !== undefined && !expected.includes(result.spiffeId))
    throw new MandateError('E_NOT_VERIFIED', { saw: result.spiffeId, why: `it is genuine, but not of ${expected.join(' or ')}` });
  const answer: VerifyAnswer = { ...result, bundle: from };
  out.answer(answer, (style) => verifyText(answer, deps.clock.nowMs(), style));
};

/** The SPIFFE IDs that will do; undefined means that any will. Who it must be has to be said: a genuine SVID of anybody proves little. */
function expectation(options: Options): readonly string[] | undefined {
  const ids = listOption(options, 'id');
  const any = options['anyAgent'] === true;
  if (any !== ids.length > 0) return any ? undefined : ids;
  throw new MandateError('E_USAGE', {
    saw: any ? 'both --id and --any-agent' : 'nobody it must be',
    fix: 'name one with --id spiffe://…, or say --any-agent',
  });
}

/** A JWK Set does not name its trust domain; whoever is expected does. */
function commonTrustDomain(expected: readonly string[] | undefined): string | undefined {
  const domains = new Set(expected?.map((id) => parseSpiffeId(id).trustDomain));
  return domains.size === 1 ? [...domains][0] : undefined;
}

type Verified = Omit<VerifyAnswer, 'bundle'>;

function x509(text: string, bundle: TrustBundles, nowMs: number): Verified {
  const { verifyX509Svid } = require('../../verify/x509-svid') as typeof X509SvidModule;
  const { spiffeId, serial, notBeforeMs, notAfterMs } = verifyX509Svid(Buffer.from(text), bundle, nowMs);
  return { verified: true, kind: 'x509-svid', spiffeId, serial, notBefore: utc(notBeforeMs), notAfter: utc(notAfterMs), audience: [] };
}

async function jwt(text: string, audience: string, bundle: TrustBundles, nowMs: number): Promise<Verified> {
  const { verifyJwtSvid } = require('../../verify/jwt-svid') as typeof JwtSvidModule;
  const { spiffeId, claims, expMs } = await verifyJwtSvid(text, audience, bundle, nowMs);
  const { jti, aud } = claims;
  return {
    verified: true,
    kind: 'jwt-svid',
    spiffeId,
    serial: typeof jti === 'string' ? jti : null,
    notBefore: null,
    notAfter: utc(expMs),
    audience: (Array.isArray(aud) ? aud : [aud]).filter((value) => typeof value === 'string'),
  };
}

async function bundleOf(
  context: CommandContext,
  options: Options,
  isPem: boolean,
): Promise<{ bytes: Buffer; from: string; trustDomain?: string }> {
  const file = textOption(options, 'bundle');
  if (file !== undefined) return { bytes: readInput(context.deps.cwd, file, MAX_BUNDLE_BYTES), from: file };
  const { askAdmin } = require('../admin-client') as typeof AdminClientModule;
  const answer = await askAdmin(context.deps.clock, context.service().adminSocket, 'bundle', {});
  return { bytes: Buffer.from(isPem ? answer.pem : JSON.stringify(answer.spiffe)), from: 'service', trustDomain: answer.trustDomain };
}

export function verifyText(answer: VerifyAnswer, nowMs: number, style: Style): string {
  return (
    `${style.good('verified')} ${answer.kind} ${style.bold(safe(answer.spiffeId))}\n` +
    pairs([
      ...(answer.serial === null ? [] : ([['serial', safe(answer.serial)]] as const)),
      ['valid', left(answer.notAfter, nowMs, style)],
      ...(answer.audience.length === 0 ? [] : ([['audience', answer.audience.map(safe).join(' ')]] as const)),
      ['bundle', answer.bundle === 'service' ? 'from the running service' : safe(answer.bundle)],
    ])
  );
}
