import { MandateError } from '../domain/errors';
import type { RemoteSignerConfig } from '../domain/key-config';
import type { Clock, Log, Random } from '../domain/ports';
import { keyPrefix } from '../domain/remote-signer';
import { ADDRESS_FORMS, signerAddress } from '../domain/signer-address';
import { keyFilesAmong } from './key-file-name';
import type { KeyFiles } from './key-files';
import { RemoteKeys } from './remote-keys';
import { assertSocketPlace, readAccess } from './signer-access';
import { SignerClient } from './signer-client';
import { SignerHttp } from './signer-http';

export interface RemoteKeysWish {
  /** Where keys would rest on this machine. */
  readonly files: KeyFiles;
  readonly remote: RemoteSignerConfig;
  readonly installationId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The keys of an installation at its signer, of which nothing is asked yet. Throws E_CONFIG where keys of authorities rest on this machine: no start moves them. */
export async function openRemoteKeys({ files, remote, installationId, clock, random, log }: RemoteKeysWish): Promise<RemoteKeys> {
  const resting = keyFilesAmong(await files.names());
  if (resting.length > 0) {
    throw new MandateError('E_CONFIG', {
      saw: 'keys.home: remote',
      why: `${resting.length} keys of authorities rest in ${files.folder}`,
      fix: 'begin another installation with a remote signer: a key that was a file is not one that never was',
    });
  }
  const address = signerAddress(remote.address);
  if (address === undefined) throw new MandateError('E_CONFIG', { saw: 'keys.remote.address', why: `it is ${ADDRESS_FORMS}` });
  const access = () => {
    if (address.over === 'socket') assertSocketPlace(address.path);
    return readAccess(remote);
  };
  const client = new SignerClient(new SignerHttp(address, access, clock), clock);
  return new RemoteKeys({ client, prefix: keyPrefix(installationId), random, log });
}
