import type { KeyObject } from 'node:crypto';
import { makeCertificate } from '../../src/authority/certificate-maker';
import { generateAuthorityKey } from '../../src/authority/key-pair';
import { localKey } from '../../src/authority/signing-key';
import { pem } from '../../src/domain/pem';
import { newSerial } from '../../src/domain/serial';
import { systemRandom } from '../../src/system/random';
import { DAY_MS, makeRoot, type TestRoot } from '../authority/fixture';

const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;
const keyPem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

export interface WebPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Somebody else's authority, which says who may be called what on the web. */
export class WebAuthority {
  private constructor(private readonly root: TestRoot) {}

  static async make(): Promise<WebAuthority> {
    const nowMs = wholeSecond(Date.now());
    return new WebAuthority(await makeRoot(nowMs - 10 * DAY_MS, nowMs + 30 * DAY_MS, 'web-authority.example'));
  }

  get pem(): string {
    return pem('CERTIFICATE', this.root.der);
  }

  /** A certificate for these names, valid from now on for as long; negative where it has ended. */
  async pair(dnsNames: readonly string[], forMs = DAY_MS): Promise<WebPair> {
    const { key, point } = generateAuthorityKey();
    const nowMs = wholeSecond(Date.now());
    const certificate = await makeCertificate({
      serial: newSerial(systemRandom),
      subject: null,
      issuer: this.root.certificate.subject,
      notBeforeMs: nowMs - 2 * DAY_MS,
      notAfterMs: wholeSecond(nowMs + forMs),
      publicKey: point,
      signingKey: localKey(this.root.key),
      authorityPoint: this.root.point,
      role: 'leaf',
      uri: 'https://web.example',
      dnsNames,
      ipAddresses: ['127.0.0.1'],
    });
    return { certificatePem: pem('CERTIFICATE', certificate), keyPem: keyPem(key) };
  }
}
