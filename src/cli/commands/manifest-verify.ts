import { configurationDigest } from '../../domain/manifest';
import { MandateError } from '../../domain/errors';
import type { ManifestVerifyAnswer } from '../../domain/manifest-answers';
import { hasExpired } from '../../domain/manifest-standing';
import { verifyManifest } from '../../verify/manifest';
import { manifestKeyId, readManifestKey } from '../../verify/manifest-key';
import { askAdmin } from '../admin-client';
import { listOption, operand } from '../arguments';
import { claimed, readManifestKeys, readManifestText } from '../manifest-files';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs, table } from '../table';

/** `mandate manifest verify`: by the keys given, without a service; without any, by those that the service trusts for this manifest. */
export const manifestVerify: Command = async ({ deps, out, service }, operands, options) => {
  const text = readManifestText(deps.cwd, operand(operands, 0));
  const files = listOption(options, 'key');
  const known =
    files.length > 0
      ? undefined
      : await askAdmin(deps.clock, service().adminSocket, 'showManifest', { name: claimed(text).statement.name });
  const keys = known ? known.keys.map((key) => readManifestKey(key.text)) : readManifestKeys(deps.cwd, files);
  const { statement, keyId, statementSha256 } = verifyManifest(text, keys);
  if (hasExpired(statement, deps.clock.nowMs()))
    throw new MandateError('E_MANIFEST_EXPIRED', { saw: `v${statement.version} of ${statement.name}` });
  const { name, kind, version, agent, expiresAtMs, entries } = statement;
  const answer: ManifestVerifyAnswer = {
    verified: true,
    name,
    kind,
    version,
    entries,
    configurationSha256: kind === 'configuration' ? configurationDigest(entries, agent) : null,
    statementSha256,
    signedBy: keyId,
    agent: agent ?? null,
    expires: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
    keys: statement.keys?.map(manifestKeyId) ?? [],
    inForce: known?.manifest.version ?? null,
  };
  out.answer(answer, (style) => verifiedText(answer, style));
};

export function verifiedText(answer: ManifestVerifyAnswer, style: Style): string {
  const { inForce, version } = answer;
  const standing = inForce === null ? [] : [['in force', inForce === version ? 'this version' : `v${inForce}`] as const];
  const digest = answer.configurationSha256 === null ? [] : [['digest', answer.configurationSha256] as const];
  const expires = answer.expires === null ? [] : [['expires', answer.expires] as const];
  const handedTo = answer.keys.map((key) => ['hands over to', safe(key)] as const);
  const rows = answer.entries.map(({ name, sha256 }) => [safe(name), sha256]);
  return (
    `${style.good('verified')} manifest ${style.bold(safe(answer.name))} v${version}  ${answer.kind}\n` +
    `${pairs([['signed by', safe(answer.signedBy)], ...expires, ...handedTo, ...digest, ...standing])}\n` +
    table([answer.kind === 'releases' ? 'RELEASE' : 'FILE', 'SHA256'], rows, style)
  );
}
