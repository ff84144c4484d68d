import { MandateError } from '../domain/errors';
import { entryNameFault, MANIFEST_NAME, MAX_MANIFEST_ENTRIES, MAX_MANIFEST_VERSION } from '../domain/manifest';
import { longDurationSeconds } from '../domain/duration';
import { governedNames } from '../domain/governing-files';
import { agentOfProduct, type KnownAgent } from '../domain/known-agents';
import type { ManifestEntry, ManifestKind, ManifestStatement } from '../domain/manifest';
import { listOption, textOption, wholeNumber } from './arguments';
import { fileSha256 } from './file-sha256';
import { readManifestKeys } from './manifest-files';
import type { Options } from './specs/spec';

/** Where names of files are looked up, and when. */
export interface Place {
  readonly nowMs: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A statement as `manifest sign` is asked for it; `from` is the one it counts on from. Throws E_USAGE, E_NOT_FOUND. */
export function draftStatement(place: Place, options: Options, from: ManifestStatement | undefined): ManifestStatement {
  const { cwd } = place;
  const name = textOption(options, 'name') ?? from?.name;
  if (name === undefined || !MANIFEST_NAME.test(name)) throw wrong(name ?? 'no name', 'give --name, 1 to 63 of a-z 0-9 and -');
  const kind = kindOf(options, from);
  const agent = agentOf(options, kind, from);
  const entries = new Map(from?.entries.map((entry) => [entry.name, entry]));
  for (const dropped of listOption(options, 'drop'))
    if (!entries.delete(dropped)) throw wrong(`--drop ${dropped}`, 'name an entry of the manifest that --from names');
  for (const written of listOption(options, kind === 'releases' ? 'release' : 'file')) {
    const entry = kind === 'releases' ? release(cwd, written) : agent ? fileOfAgent(place, agent, written) : governedFile(cwd, written);
    const fault = entryNameFault(kind, entry.name);
    if (fault !== undefined) throw wrong(written, fault);
    entries.set(entry.name, entry);
  }
  if (entries.size === 0) throw wrong('nothing to list', 'give --release LABEL=FILE, or --file PATH, as often as needed');
  if (entries.size > MAX_MANIFEST_ENTRIES) throw wrong(`${entries.size} entries`, `at most ${MAX_MANIFEST_ENTRIES}`);
  const number = textOption(options, 'number');
  const version = number === undefined ? (from?.version ?? 0) + 1 : wholeNumber(number, '--number', 1, MAX_MANIFEST_VERSION);
  const expires = textOption(options, 'expires');
  const handOver = readManifestKeys(cwd, listOption(options, 'handOver'));
  return {
    name,
    kind,
    version,
    ...(agent && { agent: agent.product }),
    ...(expires !== undefined && { expiresAtMs: expiryOf(expires, place.nowMs) }),
    ...(handOver.length > 0 && { keys: handOver }),
    entries: [...entries.values()],
  };
}

function kindOf(options: Options, from: ManifestStatement | undefined): ManifestKind {
  const [releases, files] = [listOption(options, 'release').length > 0, listOption(options, 'file').length > 0];
  if (releases && files) throw wrong('--release and --file', 'a manifest lists releases or governed files, not both');
  const kind = releases ? 'releases' : files ? 'configuration' : (from?.kind ?? 'releases');
  if (from && from.kind !== kind) throw wrong(`${kind} after ${from.kind}`, 'a manifest stays of one kind');
  return kind;
}

/** An instant of RFC 3339 in UTC, or a duration from now on; in whole seconds. What `--from` said does not carry over. */
function expiryOf(written: string, nowMs: number): number {
  const seconds = longDurationSeconds(written);
  const ms = seconds === undefined ? instantMs(written) : (Math.floor(nowMs / 1000) + seconds) * 1000;
  if (ms === undefined || ms <= nowMs) throw wrong(`--expires ${written}`, 'give an instant to come such as 2027-01-31T00:00:00Z, or 90d');
  return ms;
}

const instantMs = (text: string): number | undefined =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text) && !Number.isNaN(Date.parse(text)) ? Date.parse(text) : undefined;

/** `LABEL=FILE`, or `LABEL=sha256:HEX` for a release that is not on this machine. */
function release(cwd: string, written: string): ManifestEntry {
  const [, name, value] = /^([^=]+)=(.+)$/s.exec(written) ?? [];
  if (name === undefined || value === undefined) throw wrong(`--release ${written}`, 'write LABEL=FILE, or LABEL=sha256:HEX');
  const given = /^sha256:([0-9a-f]{64})$/.exec(value)?.[1];
  return { name, sha256: given ?? fileSha256(cwd, value) };
}

/** `PATH`, or `PATH=FILE` where the file lies elsewhere now. The path is listed as written. */
function governedFile(cwd: string, written: string): ManifestEntry {
  const [, name = written, file = written] = /^([^=]+)=(.+)$/s.exec(written) ?? [];
  return { name, sha256: fileSha256(cwd, file) };
}

/** The agent whose files a configuration lists, which a manifest keeps once it has one. */
function agentOf(options: Options, kind: ManifestKind, from: ManifestStatement | undefined): KnownAgent | undefined {
  const named = textOption(options, 'agent') ?? from?.agent;
  if (named === undefined) return undefined;
  const agent = agentOfProduct(named);
  if (!agent) throw wrong(`--agent ${named}`, 'name one that agent.product knows, such as claude-code');
  if (kind !== 'configuration') throw wrong(`--agent ${named}`, 'it is for governed files, not for releases');
  if (from && from.agent !== agent.product) throw wrong(`--agent ${named}`, 'a manifest stays that of one agent');
  return agent;
}

/** `NAME`, `NAME=FILE` or `NAME=sha256:HEX`, by the name that evidence gives to the file: any other would never be compared with anything. */
function fileOfAgent({ cwd, env }: Place, agent: KnownAgent, written: string): ManifestEntry {
  const [, name = written, file] = /^([^=]+)=(.+)$/s.exec(written) ?? [];
  const governed = governedNames(agent).get(name);
  if (!governed) throw wrong(`--file ${written}`, `name a file that governs ${agent.product}, as agent.config_file does: ~/…, ./…, ../…`);
  const given = /^sha256:([0-9a-f]{64})$/.exec(file ?? '')?.[1];
  if (given !== undefined) return { name, sha256: given };
  if (!governed.whole) throw wrong(`--file ${written}`, `only parts of this file count: write ${name}=sha256:HEX, as evidence shows it`);
  return { name, sha256: fileSha256(cwd, file ?? name.replace(/^~(?=\/)/, env['HOME'] ?? '~')) };
}

const wrong = (saw: string, fix: string) => new MandateError('E_USAGE', { saw: saw.slice(0, 200), fix });
