import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import type { Accounts, Homes } from '../domain/attestation';
import { fileVersion } from './file-version';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const DEFAULT_UID_MIN = 1000;

/** A file as a table of numbers to texts, read again when it was changed or replaced. */
class NameTable {
  #version = '';
  #names: ReadonlyMap<number, string> = new Map();

  constructor(
    private readonly path: string,
    private readonly parse = parseNames,
  ) {}

  name(id: number): string | undefined {
    try {
      if (versionOf(this.path) !== this.#version) this.load();
    } catch {
      // Gone or unreadable: the accounts it named are gone with it.
      this.#version = '';
      this.#names = new Map();
    }
    return this.#names.get(id);
  }

  private load(): void {
    const fd = openSync(this.path, 'r');
    try {
      const { size } = fstatSync(fd);
      this.#version = size <= MAX_FILE_BYTES ? versionOf(this.path) : '';
      this.#names = size <= MAX_FILE_BYTES ? this.parse(readFileSync(fd, 'utf8')) : new Map();
    } finally {
      closeSync(fd);
    }
  }
}

const versionOf = (path: string): string => fileVersion(statSync(path, { bigint: true }));

/** Names by id of a file in the format of passwd(5) or group(5). */
export const parseNames = (text: string): ReadonlyMap<number, string> => parseById(text, 0);

/** Home folders by uid of a file in the format of passwd(5). */
export const parseHomes = (text: string): ReadonlyMap<number, string> => parseById(text, 5);

/** The first entry of an id counts, as it does for the C library. */
function parseById(text: string, field: number): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    const [name = '', , id = ''] = fields;
    if (name !== '' && !name.startsWith('#') && /^\d{1,10}$/.test(id) && !found.has(Number(id))) found.set(Number(id), fields[field] ?? '');
  }
  return found;
}

/** Home folders as /etc/passwd names them. */
export function fileHomes(passwd = '/etc/passwd'): Homes {
  const homes = new NameTable(passwd, parseHomes);
  return {
    home: (uid) => {
      const home = homes.name(uid);
      return home?.startsWith('/') === true ? Buffer.from(home, 'utf8').toString('latin1') : undefined;
    },
  };
}

export interface Login {
  readonly name: string;
  /** Absolute. */
  readonly home: string;
  readonly shell: string;
}

/** Accounts as /etc/passwd names them, with home folder and shell; undefined where one has no absolute home folder. */
export function fileLogins(passwd = '/etc/passwd'): { login(uid: number): Login | undefined } {
  const [names, homes, shells] = [
    new NameTable(passwd),
    new NameTable(passwd, parseHomes),
    new NameTable(passwd, (text) => parseById(text, 6)),
  ];
  return {
    login(uid) {
      const [name, home] = [names.name(uid), homes.name(uid)];
      return name === undefined || home?.startsWith('/') !== true ? undefined : { name, home, shell: shells.name(uid) ?? '' };
    },
  };
}

/** Accounts as the files of this machine name them; directories over the network are not asked. */
export function fileAccounts(passwd = '/etc/passwd', group = '/etc/group'): Accounts {
  const users = new NameTable(passwd);
  const groups = new NameTable(group);
  return { userName: (uid) => users.name(uid), groupName: (gid) => groups.name(gid) };
}

/** Lowest uid that stands for a person: UID_MIN of login.defs(5), 1000 where it is not set. */
export function lowestPersonUid(loginDefs = '/etc/login.defs'): number {
  let text = '';
  try {
    text = readFileSync(loginDefs, 'latin1');
  } catch {
    return DEFAULT_UID_MIN;
  }
  const uidMin = Number(/^\s*UID_MIN\s+(\d{1,10})\s*$/m.exec(text)?.[1]);
  return Number.isSafeInteger(uidMin) ? uidMin : DEFAULT_UID_MIN;
}
