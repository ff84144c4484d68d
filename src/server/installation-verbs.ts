import { AUTHORIZED_VERBS, type AuthorizedVerb } from '../domain/admin-verbs';
import type { StatusAnswer } from '../domain/answers';
import type { Bundle } from '../domain/bundle';
import { MandateError } from '../domain/errors';
import type { AuthorityRow } from '../domain/authority-row';
import type { VerbHandlers } from './admin-api';
import { bundleAnswer } from './answers';
import type { Callers, PinnedCaller, Standing } from './callers';

export interface InstallationVerbsParts {
  readonly callers: Callers;
  readonly bundle: () => Bundle;
  readonly authorities: () => readonly AuthorityRow[];
  readonly status: (standing: Standing) => Promise<StatusAnswer>;
  /** Resolves when it is on record that the caller opens the database. */
  readonly databaseOpened: (verb: AuthorizedVerb, caller: PinnedCaller, standing: Standing) => Promise<void>;
  readonly shutdown: (caller: PinnedCaller, standing: Standing) => Promise<void>;
}

/** The verbs about the installation as a whole: what it is, whom it lets near its database, and its end. */
export const installationVerbs = (parts: InstallationVerbsParts): Pick<VerbHandlers, 'status' | 'bundle' | 'authorize' | 'shutdown'> => ({
  status: async (_, caller) => parts.status(await parts.callers.read('status', caller)),

  bundle: async (_, caller) => {
    await parts.callers.read('bundle', caller);
    return bundleAnswer(parts.bundle(), parts.authorities());
  },

  authorize: async ({ verb }, caller) => {
    if (!AUTHORIZED_VERBS.includes(verb)) throw new MandateError('E_REQUEST', { why: 'no such verb' });
    const standing = await parts.callers.administer(verb, caller);
    // What the caller does there leaves no event of its own: without this one it is not let in.
    await parts.databaseOpened(verb, caller, standing);
    return { allowed: true };
  },

  shutdown: async (_, caller) => {
    await parts.shutdown(caller, await parts.callers.administer('down', caller));
    return { stopping: true };
  },
});
