import { type Check, check } from './doctor';
import type { Found } from './install';
import { MANIFEST } from './install';

/** What was looked at of an installation by `mandate install`. */
export interface UnitFacts {
  readonly found: Found;
  /** Why the program should not be started by units; undefined where nothing speaks against it. */
  readonly programFault: string | undefined;
}

/** Judges what `mandate install` made: unchanged, complete, and a program that is root's alone. Empty where nothing was installed. */
export function judgeInstall({ found, programFault }: UnitFacts): readonly Check[] {
  const { manifest } = found;
  if (manifest === undefined) return [];
  const changed = [
    ...manifest.files.filter(({ path, sha256 }) => {
      const there = found.at(path);
      return there.kind !== 'file' || there.sha256 !== sha256;
    }),
    ...manifest.links.filter(({ path, target }) => {
      const there = found.at(path);
      return there.kind !== 'link' || there.target !== target;
    }),
  ].map(({ path }) => path);
  const missing = ['mandate', 'mandate-db'].filter((name) => !found.hasAccount(name));
  return [
    check(
      'install.files',
      changed.length > 0 ? 'warn' : 'ok',
      changed.length > 0 ? changed.join(', ').slice(0, 300) : `${manifest.files.length} files as in ${MANIFEST}`,
      'the units say what each part may do; a changed one may allow more',
      'put changes into a drop-in (systemctl edit), move the file aside, then: mandate install',
    ),
    check(
      'install.accounts',
      missing.length > 0 ? 'fail' : 'ok',
      missing.length > 0 ? `no account ${missing.join(', ')}` : 'mandate, mandate-db',
      'without them their uids can be given to somebody else, who then owns the keys',
      'mandate install',
    ),
    check(
      'install.program',
      programFault === undefined ? 'ok' : 'fail',
      programFault ?? manifest.program.main,
      'the units start it as root: who may change it is root',
      'chown -R root:root, chmod -R go=rX, and no folder above it that others may write to',
    ),
  ];
}
