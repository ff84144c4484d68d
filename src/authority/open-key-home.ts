import { MandateError } from '../domain/errors';
import { SEAL_FILE, sealedHome, sealText, type WantedKeyHome } from '../domain/key-seal';
import type { Log, Random } from '../domain/ports';
import { keyFilesAmong } from './key-file-name';
import { type KeyFiles, RESTORE } from './key-files';
import { keyFileFault } from './key-permissions';
import { KeySeal } from './key-seal';
import { KeyFolder } from './key-store';
import { openSeal, readSeal, sealed, SealableFolder } from './sealable-folder';
import { SealedFolder } from './sealed-folder';

export interface KeyHomeParts {
  readonly files: KeyFiles;
  /** `keys.home` of the configuration. */
  readonly wanted: WantedKeyHome;
  /** What may open the seal, or makes the first one; the caller wipes them. */
  readonly secrets: readonly Buffer[];
  readonly random: Random;
  readonly log: Log;
}

export interface OpenedKeyHome {
  readonly keys: SealableFolder;
  /** Which of the secrets fits; undefined where the keys are plain. */
  readonly fits: number | undefined;
}

/**
 * Opens the home of the authority keys, in a folder that is empty makes it. Throws E_CONFIG where the keys rest in another home than the configuration
 * names, E_KEY_SEALED and E_KEY_PASSPHRASE where they stay closed, E_KEY_FILE where `seal.json` is not usable.
 */
export async function openKeyHome({ files, wanted, secrets, random, log }: KeyHomeParts): Promise<OpenedKeyHome> {
  const header = await readSeal(files);
  if (header) {
    const home = sealedHome(header.by);
    if (wanted !== 'found' && wanted !== home) throw otherHome(wanted, `the keys are sealed by a ${header.by}`, `write keys.home: ${home}`);
    const { seal, index } = await openSeal(header, secrets, random);
    return opened(new SealableFolder(files, random, log, new SealedFolder(files, seal)), index);
  }
  const resting = keyFilesAmong(await files.names());
  const lost = resting.find(
    ({ name, seal }) => seal !== null && !resting.some((other) => other.seal === null && other.name.keyId === name.keyId),
  );
  if (lost) throw keyFileFault(files.path(SEAL_FILE), `it is missing, and ${lost.file} is sealed`, RESTORE);
  if (wanted === 'found' || wanted === 'plain') return opened(new SealableFolder(files, random, log, new KeyFolder(files)), undefined);
  if (resting.length > 0) {
    throw otherHome(wanted, 'the keys are plain', 'start once without keys.home and seal them: mandate ca seal');
  }
  const by = wanted === 'sealed' ? 'passphrase' : 'credential';
  const [secret] = secrets;
  if (secret === undefined) throw sealed(by);
  const seal = await KeySeal.make(secret, by, random);
  await files.write(SEAL_FILE, sealText(seal.header));
  return opened(new SealableFolder(files, random, log, new SealedFolder(files, seal)), 0);
}

async function opened(keys: SealableFolder, fits: number | undefined): Promise<OpenedKeyHome> {
  await keys.tidy();
  return { keys, fits };
}

const otherHome = (wanted: WantedKeyHome, why: string, fix: string) =>
  new MandateError('E_CONFIG', { saw: `keys.home: ${wanted}`, why, fix });
