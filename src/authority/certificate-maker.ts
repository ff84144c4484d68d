import type * as X509 from '@peculiar/x509';
import { ECDSA_SHA256 } from '../domain/certificate';
import { DerReader, TAG, tlv } from '../domain/der';
import { MandateError } from '../domain/errors';
import { p256Spki } from '../domain/p256';
import type { SigningKey } from './signing-key';

/** What a certificate outside the hot path says; nothing is left to a default of the library. */
export interface CertificateWish {
  readonly serial: string;
  /** Null: empty, with the alternative names critical. */
  readonly subject: { readonly organization: string; readonly commonName: string } | null;
  /** DER; null: the same as the subject. */
  readonly issuer: Buffer | null;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKey: Buffer;
  readonly signingKey: SigningKey;
  /** Null: signed by itself. */
  readonly authorityPoint: Buffer | null;
  readonly role: 'authority' | 'leaf';
  readonly uri: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/**
 * DER of a certificate made by @peculiar/x509, which is slow, complete and not ours: authorities and the endpoint's own leaf.
 * Both libraries are loaded on first use; together they take 20 MB.
 */
export async function makeCertificate(wish: CertificateWish): Promise<Buffer> {
  const { x509, provider } = await library();
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: wish.serial,
      ...names(x509, wish),
      notBefore: wholeSecond(wish.notBeforeMs),
      notAfter: wholeSecond(wish.notAfterMs),
      publicKey: new Uint8Array(p256Spki(wish.publicKey)),
      // The key may be one that no library can hold: the library encodes what is to be signed, around a signature that is thrown away.
      signature: new Uint8Array(SIGNATURE_BYTES),
      signingAlgorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as EcdsaParams,
      extensions: await extensions(x509, wish),
    },
    provider,
  );
  return signed(new DerReader(Buffer.from(certificate.rawData)).open(TAG.sequence).element(TAG.sequence), wish.signingKey);
}

/** R and S of P-256 side by side. */
const SIGNATURE_BYTES = 64;

async function signed(tbs: Buffer, key: SigningKey): Promise<Buffer> {
  const signature = await key.sign(tbs);
  return tlv(TAG.sequence, tbs, ECDSA_SHA256, tlv(TAG.bitString, Buffer.alloc(1), signature));
}

type Library = typeof X509;

async function library(): Promise<{ x509: Library; provider: Crypto }> {
  await import('reflect-metadata'); // the library's container looks for it while it loads
  const [x509, webcrypto] = await Promise.all([import('@peculiar/x509'), import('@peculiar/webcrypto')]);
  const provider = new webcrypto.Crypto();
  x509.cryptoProvider.set(provider);
  return { x509, provider };
}

function names(x509: Library, wish: CertificateWish): { subject?: InstanceType<Library['Name']>; issuer?: InstanceType<Library['Name']> } {
  const { subject } = wish;
  const own = subject
    ? new x509.Name([{ O: [{ utf8String: subject.organization }] }, { CN: [{ utf8String: subject.commonName }] }])
    : undefined;
  const issuer = wish.issuer ? new x509.Name(new Uint8Array(wish.issuer)) : own;
  return { ...(own && { subject: own }), ...(issuer && { issuer }) };
}

async function extensions(x509: Library, wish: CertificateWish): Promise<InstanceType<Library['Extension']>[]> {
  const authority = wish.role === 'authority';
  const usages = authority ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign : x509.KeyUsageFlags.digitalSignature;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return [
    new x509.KeyUsagesExtension(usages, true),
    ...(authority ? [] : [new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth])]),
    new x509.BasicConstraintsExtension(authority, undefined, true),
    ...(wish.authorityPoint ? [await x509.AuthorityKeyIdentifierExtension.create(new Uint8Array(p256Spki(wish.authorityPoint)))] : []),
    await x509.SubjectKeyIdentifierExtension.create(new Uint8Array(p256Spki(wish.publicKey))),
    new x509.SubjectAlternativeNameExtension(
      [
        { type: 'url', value: wish.uri },
        ...(wish.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
        ...(wish.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
      ],
      wish.subject === null,
    ),
  ];
}

function wholeSecond(ms: number): Date {
  if (ms % 1000 !== 0) throw new MandateError('E_INTERNAL', { saw: 'a certificate date with parts of a second' });
  return new Date(ms);
}
