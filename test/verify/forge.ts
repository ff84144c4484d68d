import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { Crypto } from '@peculiar/webcrypto';
import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { DAY_MS, NOW_MS } from '../authority/fixture';

const provider = new Crypto();
x509.cryptoProvider.set(provider);
const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags;

/** A certificate that says whatever a test wants it to say. */
export interface Forged {
  readonly der: Buffer;
  readonly key: KeyObject;
  readonly name: string;
}

export interface Forgery {
  readonly name?: string;
  readonly issuer?: Forged;
  /** Names another issuer than the one that signs. */
  readonly issuerName?: string;
  readonly ca?: boolean | null;
  readonly pathLength?: number;
  readonly usage?: number | null;
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly extra?: readonly x509.Extension[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly hash?: 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';
  readonly keyType?: KeyType;
  /** A key that exists already, for two certificates of one authority. */
  readonly key?: KeyObject;
  /** Without key identifiers. */
  readonly bare?: boolean;
  /** The alternative names as DER of GeneralNames, instead of `uris` and `dns`. */
  readonly san?: Buffer;
}

type KeyType = 'P-256' | 'P-384' | 'P-521' | 'RSA' | 'RSA-1024';

const ALGORITHMS = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384' },
  'P-521': { name: 'ECDSA', namedCurve: 'P-521' },
  RSA: { name: 'RSASSA-PKCS1-v1_5' },
} as const;

export const keyOf = (type: KeyType): KeyObject =>
  type === 'RSA' || type === 'RSA-1024'
    ? generateKeyPairSync('rsa', { modulusLength: type === 'RSA' ? 2048 : 1024 }).privateKey
    : generateKeyPairSync('ec', { namedCurve: type }).privateKey;

const CURVES: Readonly<Record<string, 'P-256' | 'P-384' | 'P-521'>> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' };
const spkiOf = (key: KeyObject): Uint8Array<ArrayBuffer> => new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }));

export async function forge(wish: Forgery): Promise<Forged> {
  const key = wish.key ?? keyOf(wish.keyType ?? 'P-256');
  const authority = wish.ca === true;
  const name = wish.name ?? (authority ? 'CN=root' : '');
  const signer = wish.issuer?.key ?? key;
  const hash = wish.hash ?? 'SHA-256';
  const rsa = signer.asymmetricKeyType === 'rsa';
  const algorithm = rsa ? { ...ALGORITHMS.RSA, hash } : ALGORITHMS[CURVES[signer.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'P-256'];
  const usage = wish.usage === undefined ? (authority ? keyCertSign | cRLSign : digitalSignature) : wish.usage;
  const uris = wish.uris ?? (authority ? ['spiffe://example.org'] : ['spiffe://example.org/agent/ana']);
  const names = [
    ...uris.map((value) => ({ type: 'url' as const, value })),
    ...(wish.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: '41',
      ...(name !== '' && { subject: name }),
      issuer: wish.issuerName ?? wish.issuer?.name ?? name,
      notBefore: new Date(wish.notBeforeMs ?? NOW_MS - DAY_MS),
      notAfter: new Date(wish.notAfterMs ?? NOW_MS + DAY_MS),
      publicKey: spkiOf(key),
      signingKey: await provider.subtle.importKey('pkcs8', signer.export({ format: 'der', type: 'pkcs8' }), algorithm, false, ['sign']),
      signingAlgorithm: rsa ? { ...algorithm, hash } : { name: 'ECDSA', hash },
      extensions: [
        ...(usage === null ? [] : [new x509.KeyUsagesExtension(usage, true)]),
        ...(wish.ca === null ? [] : [new x509.BasicConstraintsExtension(authority, wish.pathLength, true)]),
        ...(wish.san ? [new x509.Extension('2.5.29.17', name === '', new Uint8Array(wish.san))] : []),
        ...(names.length === 0 || wish.san ? [] : [new x509.SubjectAlternativeNameExtension(names, name === '')]),
        ...(wish.bare ? [] : [await x509.SubjectKeyIdentifierExtension.create(spkiOf(key), false, provider)]),
        ...(wish.bare || signer === key ? [] : [await x509.AuthorityKeyIdentifierExtension.create(spkiOf(signer), false, provider)]),
        ...(wish.extra ?? []),
      ],
    },
    provider,
  );
  return { der: Buffer.from(certificate.rawData), key, name };
}
