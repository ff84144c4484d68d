import type { FactIndex } from './facts';
import { configurationDigest, type GovernedFile } from './manifest';

/** Selector type of the digest over the files that govern an agent, and of those files one by one. */
export const CONFIGURATION = 'agent.config_sha256';
const FILES = 'agent.config_file';
const PRODUCT = 'agent.product';

/** `<name> <sha256>`, or `<name> refused`. */
const FILE = /^(.*) ([0-9a-f]{64}|refused)$/s;

/** The files behind the digest of a process, by what its evidence says of each; undefined where those are not all there is to the digest. */
export function configurationFiles(facts: FactIndex): readonly GovernedFile[] | undefined {
  const files = facts.of(FILES).flatMap(({ value }) => {
    const [, name, sha256] = FILE.exec(value) ?? [];
    return name === undefined || sha256 === undefined ? [] : [{ name, sha256 }];
  });
  const digest = facts.of(CONFIGURATION)[0]?.value;
  return configurationDigest(files, facts.of(PRODUCT)[0]?.value) === digest ? files : undefined;
}
