import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

/** A certificate as a library reads it that has no part in encoding leaves. */
export interface ForeignReading {
  readonly names: readonly { readonly type: string; readonly value: string }[];
  readonly ca: boolean | undefined;
  readonly usages: number | undefined;
  readonly extendedUsages: readonly string[] | undefined;
  readonly keyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  /** Object identifiers of all extensions, dotted. */
  readonly extensions: readonly string[];
  /** Contents of an extension in hex, and whether it is critical. */
  readonly raw: (oid: string) => { readonly critical: boolean; readonly hex: string } | undefined;
}

export const OID = { keyId: '2.5.29.14', keyUsage: '2.5.29.15', altNames: '2.5.29.17', basicConstraints: '2.5.29.19' } as const;

/** Bits of a key usage, as that library names them. */
export const USAGE = x509.KeyUsageFlags;

export function readForeign(der: Buffer): ForeignReading {
  const certificate = new x509.X509Certificate(new Uint8Array(der));
  return {
    names: certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? [],
    ca: certificate.getExtension(x509.BasicConstraintsExtension)?.ca,
    usages: certificate.getExtension(x509.KeyUsagesExtension)?.usages,
    extendedUsages: certificate.getExtension(x509.ExtendedKeyUsageExtension)?.usages.map(String),
    keyId: certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    authorityKeyId: certificate.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId,
    extensions: certificate.extensions.map(({ type }) => type),
    raw: (oid) => {
      const extension = certificate.getExtension(oid);
      return extension ? { critical: extension.critical, hex: Buffer.from(extension.value).toString('hex') } : undefined;
    },
  };
}
