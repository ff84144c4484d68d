import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { type RootWay, sudoAnswer, sudoRules, type SudoRules, wayOfGroup } from '../domain/privilege';
import { parseNames } from './accounts';
import { fileVersion } from './file-version';

/** What is read of sudo's configuration; beyond it the answer is that it is not known. */
const MAX_FILES = 64;
const MAX_FILE_BYTES = 256 * 1024;

const NOTHING: SudoRules = { withoutPassword: [], unclear: false };
const UNCLEAR: SudoRules = { withoutPassword: [], unclear: true };

export interface RootWaysFiles {
  readonly group: string;
  readonly passwd: string;
  readonly sudoers: string;
}

const FILES: RootWaysFiles = { group: '/etc/group', passwd: '/etc/passwd', sudoers: '/etc/sudoers' };

interface Read {
  readonly rules: SudoRules;
  readonly groups: readonly { readonly name: string; readonly gid: number; readonly members: readonly string[] }[];
  readonly names: ReadonlyMap<number, string>;
  /** Paths that were looked at, and what they were then. */
  readonly versions: ReadonlyMap<string, string>;
}

/**
 * Standing ways to root of an account, from the files of this machine; directories over the network are not asked. Files are read again
 * when one of them was changed. What cannot be read or is not understood is said as `sudo-unknown`, never taken for nothing.
 */
export class RootWays {
  #read: Read | undefined;

  constructor(private readonly files: RootWaysFiles = FILES) {}

  /** `gids` are the groups that a process has now; what the account could get by a new login counts as well. */
  of(uid: number, gids: readonly number[]): readonly RootWay[] {
    const { rules, groups, names } = this.#present();
    const name = names.get(uid);
    const own = groups.filter(({ gid, members }) => gids.includes(gid) || (name !== undefined && members.includes(name)));
    const answer = sudoAnswer(rules, { uid, name, gids: [...gids, ...own.map(({ gid }) => gid)], groups: own.map((group) => group.name) });
    return [
      ...(answer === 'nopasswd' ? (['sudo-nopasswd'] as const) : []),
      ...(answer === 'unknown' ? (['sudo-unknown'] as const) : []),
      ...new Set(own.flatMap((group) => wayOfGroup(group.name) ?? [])),
    ];
  }

  #present(): Read {
    const read = this.#read;
    if (read !== undefined && [...read.versions].every(([file, version]) => versionOf(file) === version)) return read;
    const versions = new Map<string, string>();
    const text = (file: string) => {
      versions.set(file, versionOf(file));
      return readBounded(file) ?? '';
    };
    const rows = text(this.files.group)
      .split('\n')
      .map((line) => line.split(':'));
    const groups = rows.flatMap(([name = '', , gid = '', members = '']) =>
      /^\d{1,10}$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(',') }] : [],
    );
    const names = parseNames(text(this.files.passwd));
    this.#read = { rules: readSudoers(this.files.sudoers, versions), groups, names, versions };
    return this.#read;
  }
}

/** The rules of a sudoers file and whatever it includes. No such file means no sudo. */
function readSudoers(file: string, versions: Map<string, string>): SudoRules {
  let files = 0;
  const readOne = (at: string, missing: SudoRules): SudoRules => {
    const version = versionOf(at);
    versions.set(at, version);
    if (version === 'ENOENT') return missing;
    const text = ++files > MAX_FILES ? undefined : readBounded(at);
    return text === undefined ? UNCLEAR : sudoRules(text, (directive, named) => included(directive, path.resolve(path.dirname(at), named)));
  };
  const included = (directive: 'include' | 'includedir', at: string): SudoRules => {
    if (/%/.test(at)) return UNCLEAR; // %h and its like stand for something else
    if (directive === 'include') return readOne(at, UNCLEAR);
    const version = versionOf(at);
    versions.set(at, version);
    if (version === 'ENOENT') return NOTHING;
    let names: string[];
    try {
      names = readdirSync(at).filter((name) => !name.includes('.') && !name.endsWith('~'));
    } catch {
      return UNCLEAR;
    }
    return names
      .sort()
      .map((name) => readOne(path.join(at, name), NOTHING))
      .reduce(joined, NOTHING);
  };
  return readOne(file, NOTHING);
}

const joined = (a: SudoRules, b: SudoRules): SudoRules => ({
  withoutPassword: [...a.withoutPassword, ...b.withoutPassword],
  unclear: a.unclear || b.unclear,
});

/** What a path is now, to be compared; the name of the failure where it cannot be told. */
function versionOf(at: string): string {
  try {
    return fileVersion(statSync(at, { bigint: true }));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function readBounded(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= MAX_FILE_BYTES ? readFileSync(fd, 'utf8') : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
