/** Accounts as lines of the files below /etc, for a tree that no program of its own can be run in. */

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
  /** Undefined where the tree has none. */
  readonly shadow: string | undefined;
  readonly gshadow: string | undefined;
}

/** Where systemd-sysusers looks for a free number, from above (login.defs(5), SYS_UID_MAX). */
const HIGHEST = 999;
const LOWEST = 201;

/** Whether there is an account of this name. */
export const hasAccount = (passwd: string, name: string): boolean => linesOf(passwd).some((line) => line.startsWith(`${name}:`));

/** The files with a system account and a group of this name more: nobody can log in to it. Undefined where no number is free. */
export function withAccount(files: AccountFiles, name: string, home: string, shell: string): AccountFiles | undefined {
  const taken = new Set([...linesOf(files.passwd), ...linesOf(files.group)].map((line) => Number(line.split(':')[2])));
  const group = linesOf(files.group).find((line) => line.startsWith(`${name}:`));
  let id = group === undefined ? HIGHEST : Number(group.split(':')[2]);
  while (group === undefined && taken.has(id)) id -= 1;
  if (id < LOWEST) return undefined;
  return {
    passwd: `${files.passwd}${name}:x:${id}:${id}:Mandate:${home}:${shell}\n`,
    group: group === undefined ? `${files.group}${name}:x:${id}:\n` : files.group,
    // `!*` is no password, and cannot become one by being unlocked.
    shadow: files.shadow === undefined ? undefined : `${files.shadow}${name}:!*:::::::\n`,
    gshadow: files.gshadow === undefined || group !== undefined ? files.gshadow : `${files.gshadow}${name}:!*::\n`,
  };
}

/** The files without the account and the group of this name. */
export function withoutAccount(files: AccountFiles, name: string): AccountFiles {
  const without = (text: string): string =>
    text
      .split('\n')
      .filter((line) => !line.startsWith(`${name}:`))
      .join('\n');
  return {
    passwd: without(files.passwd),
    group: without(files.group),
    shadow: files.shadow === undefined ? undefined : without(files.shadow),
    gshadow: files.gshadow === undefined ? undefined : without(files.gshadow),
  };
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
