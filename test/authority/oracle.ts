import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { Crypto } from '@peculiar/webcrypto';
import type { KeyObject } from 'node:crypto';
import type { X509Plan } from '../../src/domain/issuance';
import { p256Spki } from '../../src/domain/p256';

const provider = new Crypto();
x509.cryptoProvider.set(provider);

const EC = { name: 'ECDSA', namedCurve: 'P-256' };

/** The to-be-signed part of a leaf as @peculiar/x509 over @peculiar/webcrypto encodes it. */
export async function oracleTbs(plan: X509Plan, issuerName: Buffer, issuerPoint: Buffer, issuerKey: KeyObject): Promise<Buffer> {
  const leaf = await x509.X509CertificateGenerator.create(
    {
      serialNumber: plan.serial,
      issuer: new x509.Name(new Uint8Array(issuerName)),
      notBefore: new Date(plan.notBeforeMs),
      notAfter: new Date(plan.notAfterMs),
      publicKey: new Uint8Array(p256Spki(plan.publicKey)),
      signingKey: await provider.subtle.importKey('pkcs8', issuerKey.export({ format: 'der', type: 'pkcs8' }), EC, false, ['sign']),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(new Uint8Array(p256Spki(issuerPoint))),
        await x509.SubjectKeyIdentifierExtension.create(new Uint8Array(p256Spki(plan.publicKey))),
        new x509.SubjectAlternativeNameExtension([{ type: 'url', value: plan.spiffeId }], true),
      ],
    },
    provider,
  );
  return Buffer.from((leaf as unknown as { tbs: ArrayBuffer }).tbs);
}
