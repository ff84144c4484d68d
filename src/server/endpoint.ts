import type { KeyObject } from 'node:crypto';
import type { RequestListener } from 'node:http';
import type { Clock, LineageWriter, Log, Random } from '../domain/ports';
import { credentialRow } from '../domain/records';
import { isSignerFault } from '../domain/remote-signer';
import { rotationAt } from '../domain/rotation';
import { newSerial } from '../domain/serial';
import { type HttpsListener, openHttps, type TlsIdentity } from './https-listener';

const TTL_MS = 24 * 3600 * 1000;
const BACKDATE_MS = 10_000;

interface Leaf {
  readonly spiffeId: string;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKeySha256: string;
  readonly certificatePem: string;
  readonly key: KeyObject;
}

export interface EndpointAuthority {
  readonly keyId: string;
  endpointLeaf(wish: { serial: string; notBeforeMs: number; notAfterMs: number; hostnames: readonly string[] }): Promise<Leaf>;
}

export interface EndpointParts {
  readonly address: string;
  readonly port: number;
  readonly hostname: string;
  readonly authority: () => EndpointAuthority;
  readonly lineage: LineageWriter;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly answer: RequestListener;
}

/** The `https_spiffe` endpoint and its certificate: a leaf of the active authority, recorded before it is used like any other credential. */
export class Endpoint {
  #listener: HttpsListener | undefined;
  #leaf: Leaf | undefined;
  #turn: Promise<void> = Promise.resolve();

  private constructor(private readonly parts: EndpointParts) {}

  static async open(parts: EndpointParts): Promise<Endpoint> {
    const endpoint = new Endpoint(parts);
    try {
      await endpoint.#show();
    } catch (error) {
      // Whoever asks for the bundle meets a closed port until there is a certificate; nodes and their agents have it all the same.
      if (!isSignerFault(error)) throw error;
      parts.log.error({ err: error }, 'bundle endpoint not opened yet: nothing signs its certificate');
    }
    return endpoint;
  }

  /** When the certificate that it shows ends. */
  get notAfterMs(): number | undefined {
    return this.#leaf?.notAfterMs;
  }

  async renewIfDue(): Promise<void> {
    const leaf = this.#leaf;
    if (leaf && this.parts.clock.nowMs() < rotationAt(leaf.notBeforeMs + BACKDATE_MS, leaf.notAfterMs, 0.5)) return;
    await this.renew();
  }

  /** Keeps the old certificate where a new one cannot be had. */
  async renew(): Promise<void> {
    try {
      await this.#show();
    } catch (error) {
      this.parts.log.error({ err: error }, 'certificate of the bundle endpoint not renewed');
    }
  }

  /** One at a time: two could open the port at once. */
  #show(): Promise<void> {
    const shown = this.#turn.then(async () => {
      const identity = await this.#issue();
      if (this.#listener) this.#listener.renew(identity);
      else this.#listener = await openHttps(this.parts, identity, this.parts.answer);
    });
    this.#turn = shown.catch(() => undefined);
    return shown;
  }

  close(): Promise<void> {
    return this.#listener ? this.#listener.close() : Promise.resolve();
  }

  async #issue(): Promise<TlsIdentity> {
    const { clock, random, lineage, hostname, authority } = this.parts;
    const issuedAtMs = clock.nowMs();
    const wholeSecond = (ms: number) => Math.floor(ms / 1000) * 1000;
    const signer = authority();
    const leaf = await signer.endpointLeaf({
      serial: newSerial(random),
      notBeforeMs: wholeSecond(issuedAtMs - BACKDATE_MS),
      notAfterMs: wholeSecond(issuedAtMs + TTL_MS),
      hostnames: [hostname],
    });
    const credential = credentialRow({
      serial: leaf.serial,
      kind: 'server-tls',
      spiffeId: leaf.spiffeId,
      audience: [],
      issuedAtMs,
      notBeforeMs: leaf.notBeforeMs,
      notAfterMs: leaf.notAfterMs,
      authorityKeyId: signer.keyId,
      publicKeySha256: leaf.publicKeySha256,
      processKey: null,
      agentId: null,
      delegationId: null,
      evidenceDigest: null,
      ruleName: null,
      ruleVersion: null,
      deviceId: null,
    });
    await lineage.append({ fact: { credential } });
    this.#leaf = leaf;
    return { keyPem: leaf.key.export({ type: 'pkcs8', format: 'pem' }).toString(), certificatePem: leaf.certificatePem };
  }
}
