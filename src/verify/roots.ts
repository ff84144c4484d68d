import type { Certificate } from '../domain/certificate';
import { authorityKeyIdOf } from '../domain/certificate';
import type { Authority } from './authority';

/** The X.509 authorities of one trust domain, found by name. */
export class Roots {
  readonly #named = new Map<string, Authority[]>();

  constructor(all: readonly Authority[]) {
    for (const authority of all) {
      const name = nameOf(authority.certificate.subject);
      const namesakes = this.#named.get(name);
      if (namesakes) namesakes.push(authority);
      else this.#named.set(name, [authority]);
    }
  }

  /** The authorities that bear the issuer name of `child`; those with the key that it names come first. Throws DerError. */
  issuersOf(child: Certificate): readonly Authority[] {
    const namesakes = this.#named.get(nameOf(child.issuer)) ?? [];
    if (namesakes.length < 2) return namesakes;
    const keyId = authorityKeyIdOf(child)?.toString('hex');
    const [named, others] = [namesakes.filter((one) => one.keyId === keyId), namesakes.filter((one) => one.keyId !== keyId)];
    return [...named, ...others];
  }
}

const nameOf = (name: Buffer): string => name.toString('latin1');
