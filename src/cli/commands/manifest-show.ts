import type { EntryDifferences, ManifestAnswer, ManifestChanges, SeenHash } from '../../domain/manifest-answers';
import { askAdmin } from '../admin-client';
import { operand } from '../arguments';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { pairs, table } from '../table';
import { instant } from '../times';
import { manifestState } from '../manifest-state';

/** `mandate manifest show`. */
export const manifestShow: Command = async ({ deps, out, service }, operands, options) => {
  const answer = await askAdmin(deps.clock, service().adminSocket, 'showManifest', { name: operand(operands, 0) });
  const text = options['diff'] === true ? differencesText : manifestText;
  out.answer(answer, (style) => text(answer, style, deps.clock.nowMs()));
};

export function manifestText(answer: ManifestAnswer, style: Style, nowMs: number): string {
  const { manifest, keys, entries, statements, configurationSha256 } = answer;
  const rows: [string, string][] = [
    ...(configurationSha256 === null ? [] : [['digest', configurationSha256] as [string, string]]),
    ...(answer.agent === null ? [] : [['agent', safe(answer.agent)] as [string, string]]),
    ...(manifest.expires === null ? [] : [['expires', instant(manifest.expires, nowMs, style)] as [string, string]]),
    ['rules', manifest.rules.length === 0 ? 'none names it' : manifest.rules.map(safe).join(' ')],
    ...keys.map(({ id }): [string, string] => ['trusts', safe(id)]),
  ];
  const listed = entries.map(({ name, sha256 }) => [safe(name), sha256]);
  const history = statements.map((statement) => [
    `v${statement.version}`,
    instant(statement.accepted, nowMs, style),
    String(statement.entries),
    safe(statement.signedBy),
    safe(statement.author),
  ]);
  const parts = [`${heading(answer, style)}\n${pairs(rows)}`];
  if (listed.length > 0) parts.push(table([manifest.kind === 'releases' ? 'RELEASE' : 'FILE', 'SHA256'], listed, style));
  if (history.length > 0) parts.push(table(['VERSION', 'ACCEPTED', 'ENTRIES', 'SIGNED-BY', 'BY'], history, style));
  return parts.join('\n');
}

function heading({ manifest }: ManifestAnswer, style: Style): string {
  return `manifest ${style.bold(safe(manifest.name))} v${manifest.version}  ${manifest.kind}  ${manifestState(manifest, style)}${manifest.state === 'damaged' ? ', admits nothing' : ''}`;
}

/** `--diff`: what the statement in force changed of the one before, and what living processes have that it does not list. */
export function differencesText(answer: ManifestAnswer, style: Style): string {
  const seen = answer.seen.length === 0 ? '  no living process that a rule would compare with it\n' : seenText(answer.seen, style);
  return `${heading(answer, style)}\n\n${changesText(answer.changes, style)}\nSeen of living processes\n${seen}`;
}

function changesText(changes: ManifestChanges | null, style: Style): string {
  if (changes === null) return 'The first statement: there is none before\n';
  return `Changed since v${changes.fromVersion}\n${differences(changes, style, '  ') || '  nothing\n'}`;
}

const differences = ({ added, removed, changed }: EntryDifferences, style: Style, indent: string): string =>
  [
    ...added.map(({ name, sha256 }) => [style.good('+'), safe(name), sha256]),
    ...removed.map(({ name, sha256 }) => [style.bad('-'), safe(name), sha256]),
    ...changed.map(({ name, before, after }) => [style.warn('~'), safe(name), `${before} → ${after}`]),
  ]
    .map((cells) => `${indent}${cells.join('  ')}\n`)
    .join('');

const seenText = (seen: readonly SeenHash[], style: Style): string =>
  seen
    .map((hash) => {
      const mark = hash.standing === 'refused' || hash.declared ? style.bad('✗') : style.good('✓');
      const pids = `pid ${hash.pids.join(', ')}`;
      const line = `  ${mark} ${safe(hash.selector)}  ${safe(hash.sha256)}  ${standing(hash)}  rule ${safe(hash.rule)}  ${pids}\n`;
      return hash.files === null ? line : line + differences(hash.files, style, '      ');
    })
    .join('');

function standing({ standing: how, version, name, declared }: SeenHash): string {
  const doubt = declared ? ', counts for nothing: declared, or changed while it ran' : '';
  if (version === null) return `in no statement${doubt}`;
  const where = `${name === null ? '' : `${safe(name)} `}v${version}`;
  return `${how === 'newest' ? where : how === 'grace' ? `${where}, left out since, in grace` : `${where}, left out since`}${doubt}`;
}
