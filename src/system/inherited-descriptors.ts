import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** What /proc shows of one open descriptor. */
export interface Descriptor {
  readonly fd: number;
  /** Target of its link, e.g. `pipe:[4711]`. */
  readonly target: string;
  /** Open flags, from the octal number in fdinfo. */
  readonly flags: number;
}

const ACCESS_MODE = 0o3;
const CLOSE_ON_EXEC = 0o2000000;
const OWN_KINDS = /^anon_inode:\[(eventpoll|eventfd|io_uring|timerfd|signalfd)\]$/;

/**
 * Descriptors from 3 up that whoever started us passed on, as in `3<file`. Node marks them close-on-exec among its own, so they can be told
 * apart only before the program opens anything: to be called as its first statement.
 */
export const inheritedDescriptors = (): readonly number[] => notOurs(openDescriptors());

function openDescriptors(): readonly Descriptor[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`, 'latin1');
      const flags = parseInt(/^flags:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'latin1'))?.[1] ?? '', 8);
      return [{ fd: Number(name), target, flags }];
    } catch {
      // The descriptor of this very listing.
      return [];
    }
  });
}

/** Decides which descriptors are neither the standard three nor Node's own: its event loops, the pipes it holds both ends of, its spare. */
export function notOurs(open: readonly Descriptor[]): readonly number[] {
  const passed = open.filter(({ fd }) => fd > 2);
  const firstOwn = Math.min(...passed.filter(({ target }) => target === 'anon_inode:[eventpoll]').map(({ fd }) => fd));
  // What was passed on cannot have been close-on-exec, or it would not be here; unmarked ones Node has not touched.
  const marked = passed.filter(({ fd, flags }) => (flags & CLOSE_ON_EXEC) !== 0 && fd >= firstOwn);
  const ends = (target: string): number => new Set(marked.filter((other) => other.target === target).map(mode)).size;
  const spares = marked.filter(({ target }) => target === '/dev/null').length;
  const own = ({ target }: Descriptor): boolean =>
    OWN_KINDS.test(target) || (target.startsWith('pipe:') && ends(target) > 1) || (target === '/dev/null' && spares === 1);
  return passed.filter((descriptor) => !marked.includes(descriptor) || !own(descriptor)).map(({ fd }) => fd);
}

const mode = ({ flags }: Descriptor): number => flags & ACCESS_MODE;
