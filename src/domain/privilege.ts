/** What makes a process able to reach an issuer that runs under other uids: capabilities, and ways to root that need nobody's consent. */

/**
 * Capabilities that reach the memory, the files or the kernel under every uid. Bit numbers are those of capability(7).
 */
export const REACHING_CAPABILITIES = [
  ['CAP_CHOWN', 0],
  ['CAP_DAC_OVERRIDE', 1],
  ['CAP_DAC_READ_SEARCH', 2],
  ['CAP_FOWNER', 3],
  ['CAP_SETGID', 6],
  ['CAP_SETUID', 7],
  ['CAP_SETPCAP', 8],
  ['CAP_SYS_MODULE', 16],
  ['CAP_SYS_RAWIO', 17],
  ['CAP_SYS_PTRACE', 19],
  ['CAP_SYS_ADMIN', 21],
  ['CAP_MKNOD', 27],
  ['CAP_SETFCAP', 31],
  ['CAP_BPF', 39],
] as const;

/** Names of the reaching capabilities in a `CapEff` value of /proc/PID/status; undefined where it is no such value. */
export function reachingCapabilities(hex: string | undefined): readonly string[] | undefined {
  if (hex === undefined || !/^[0-9a-f]{1,16}$/.test(hex)) return undefined;
  const set = BigInt(`0x${hex}`);
  return REACHING_CAPABILITIES.filter(([, bit]) => (set >> BigInt(bit)) & 1n).map(([name]) => name);
}

/** A standing way to root. `sudo-unknown`: sudo's configuration could not be read, or says something that is not understood here. */
export const ROOT_WAYS = ['sudo-nopasswd', 'sudo-unknown', 'docker', 'lxd', 'libvirt'] as const;
export type RootWay = (typeof ROOT_WAYS)[number];

/** Groups whose members can start what runs as root; names as the packages of these programs make them. */
const GROUPS: Readonly<Record<string, RootWay>> = { docker: 'docker', lxd: 'lxd', incus: 'lxd', 'incus-admin': 'lxd', libvirt: 'libvirt' };

export const wayOfGroup = (name: string): RootWay | undefined => (Object.hasOwn(GROUPS, name) ? GROUPS[name] : undefined);

/** An account as sudo's rules name it. */
export interface SudoUser {
  readonly uid: number;
  readonly name: string | undefined;
  readonly gids: readonly number[];
  readonly groups: readonly string[];
}

/** What sudoers(5) texts let one account do without a password: `unknown` where a rule that might be about it is not understood. */
export type SudoAnswer = 'none' | 'nopasswd' | 'unknown';

/** One rule that takes away the password: for whom, as written. */
export interface SudoRules {
  /** User lists of rules with NOPASSWD or `!authenticate`. */
  readonly withoutPassword: readonly (readonly string[])[];
  /** A construct was seen that may take the password away from anybody. */
  readonly unclear: boolean;
}

/**
 * Reads the rules of one sudoers(5) text that let somebody run anything without a password; the command is not looked at, since most
 * commands that are worth allowing lead further. Includes are the caller's: `include` is asked for each file named, in order.
 */
export function sudoRules(text: string, include: (directive: 'include' | 'includedir', path: string) => SudoRules): SudoRules {
  const withoutPassword: (readonly string[])[] = [];
  let unclear = false;
  for (const line of logicalLines(text)) {
    const included = /^[@#](include|includedir)\s+(.+)$/.exec(line);
    if (included) {
      const below = include(included[1] as 'include' | 'includedir', unquoted(included[2]!));
      withoutPassword.push(...below.withoutPassword);
      unclear ||= below.unclear;
      continue;
    }
    const plain = line.replace(/(^|\s)#(?!\d).*$/, '').trim();
    if (plain === '' || /^(?:User|Runas|Host|Cmnd|Cmd)_Alias\b/.test(plain)) continue;
    if (/^Defaults/.test(plain)) {
      const exempt = /\bexempt_group\s*=\s*"?([^\s,"]+)/.exec(plain)?.[1];
      if (exempt !== undefined) withoutPassword.push([`%${exempt}`]);
      if (!/!\s*authenticate\b/.test(plain)) continue;
      const whom = /^Defaults:(\S+)/.exec(plain)?.[1];
      withoutPassword.push(whom === undefined ? ['ALL'] : whom.split(','));
      continue;
    }
    if (!/\bNOPASSWD\s*:/.test(plain)) continue;
    const users = /^([^=]*?)\s+\S+\s*=/.exec(plain)?.[1];
    if (users === undefined) unclear = true;
    else withoutPassword.push(users.split(/\s*,\s*/));
  }
  return { withoutPassword, unclear };
}

/** Whether these rules let the account run something without a password. Aliases, netgroups and negations are not resolved: `unknown`. */
export function sudoAnswer({ withoutPassword, unclear }: SudoRules, user: SudoUser): SudoAnswer {
  let answer: SudoAnswer = unclear ? 'unknown' : 'none';
  for (const word of withoutPassword.flat()) {
    const named = names(word, user);
    if (named === true) return 'nopasswd';
    if (named === undefined) answer = 'unknown';
  }
  return answer;
}

/** True or false where the word of a user list is understood, else undefined. */
function names(word: string, user: SudoUser): boolean | undefined {
  const text = unquoted(word.trim());
  if (text === 'ALL') return true;
  const id = /^(%?)#(\d{1,10})$/.exec(text);
  if (id) return id[1] === '%' ? user.gids.includes(Number(id[2])) : user.uid === Number(id[2]);
  if (/^%[^:#!+%]/.test(text)) return user.groups.includes(text.slice(1));
  // An alias is upper case throughout; an account could be, but hardly is.
  if (/^[A-Z][A-Z0-9_]*$/.test(text) || !/^[A-Za-z_][\w.@$-]*$/.test(text)) return undefined;
  return text === user.name;
}

const unquoted = (text: string): string => text.trim().replace(/^"(.*)"$/, '$1');

const logicalLines = (text: string): string[] =>
  text
    .replaceAll(/\\\r?\n/g, ' ')
    .split('\n')
    .map((line) => line.trim());
