import { MandateError } from '../domain/errors';
import { KEY_HOME_WORDS, MAX_SECRET_BYTES, type SealableKeys, type SealedBy, sealedHome, type WantedKeyHome } from '../domain/key-seal';
import type { VerbHandlers } from './admin-api';
import type { Callers, PinnedCaller, Standing } from './callers';

/** How what opens the keys reaches the next start of this server. */
export interface KeySecretKeeper {
  /** Resolves when whoever starts us again has it. Undefined where nobody could be told. */
  readonly next: ((secret: Buffer) => Promise<void>) | undefined;
  /** The keys are under the seal that it opens. */
  readonly inForce: () => void;
  /** What systemd gave us to seal with, read anew. Undefined where systemd did not start us, or gave us none. */
  readonly credential: () => Buffer | undefined;
}

export interface SealVerbParts {
  readonly callers: Callers;
  readonly keys: SealableKeys;
  readonly keeper: KeySecretKeeper;
  /** `keys.home` of the configuration: the next start refuses another one. */
  readonly wantedHome: WantedKeyHome;
  /** Resolves when it is on record that the caller ordered a new seal. */
  readonly keysSealed: (by: SealedBy, caller: PinnedCaller, standing: Standing) => Promise<void>;
}

/**
 * `ca seal` and `ca reseal`: the server does it, since it owns the files and holds the lock that keeps others from them. The secret of the seal
 * before is not asked for: whoever administers a running server already acts through keys that are open, and a forgotten one could not be replaced.
 */
export const sealVerb = (parts: SealVerbParts): Pick<VerbHandlers, 'sealKeys'> => ({
  sealKeys: async ({ secret, again }, caller) => {
    const { callers, keys, keeper } = parts;
    const standing = await callers.administer(again === true ? 'ca reseal' : 'ca seal', caller);
    const by: SealedBy = secret === null ? 'credential' : 'passphrase';
    checkFits(parts, by, again === true);
    const bytes = secret === null ? keeper.credential() : secretOf(secret);
    if (bytes === undefined) {
      throw new MandateError('E_KEY_SEAL', {
        saw: 'no credential key-seal',
        fix: 'give mandate-server.service LoadCredentialEncrypted=key-seal, then restart it',
      });
    }
    try {
      await parts.keysSealed(by, caller, standing);
      if (!caller.alive()) throw new MandateError('E_PEER_GONE');
      // Before the keys are: a server that dies right after is started with both.
      await keeper.next?.(bytes);
      const answer = await keys.seal(bytes, by);
      keeper.inForce();
      return answer;
    } finally {
      bytes.fill(0);
    }
  },
});

function checkFits({ keys, keeper, wantedHome }: SealVerbParts, by: SealedBy, again: boolean): void {
  if (keys.home === 'remote') {
    throw new MandateError('E_KEY_SEAL', {
      saw: KEY_HOME_WORDS.remote,
      why: 'nothing of them is on this machine: how they rest is up to the signer',
    });
  }
  if (again !== (keys.home !== 'plain')) {
    throw new MandateError(
      'E_KEY_SEAL',
      again ? { saw: 'plain keys', fix: 'mandate ca seal' } : { saw: 'sealed keys', fix: 'mandate ca reseal' },
    );
  }
  if (by === 'passphrase' && keeper.next === undefined) {
    throw new MandateError('E_KEY_SEAL', {
      saw: 'a server that systemd starts',
      why: 'nobody would be there to give it a passphrase',
      fix: 'seal with a credential: --credential',
    });
  }
  if (wantedHome !== 'found' && wantedHome !== sealedHome(by)) {
    throw new MandateError('E_KEY_SEAL', {
      saw: `keys.home: ${wantedHome} in the configuration`,
      why: 'the next start would refuse what this makes',
      fix: `write keys.home: ${sealedHome(by)}, or leave it out, and start again`,
    });
  }
}

/** Twice the longest secret, in base64. */
const MAX_TEXT = MAX_SECRET_BYTES * 3;

function secretOf(text: unknown): Buffer {
  if (typeof text !== 'string' || text.length > MAX_TEXT || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new MandateError('E_REQUEST', { why: 'the passphrase is not base64' });
  }
  return Buffer.from(text, 'base64');
}
