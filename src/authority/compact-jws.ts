import { p1363Signature } from '../domain/ecdsa-signature';
import type { JwtAlgorithm } from '../domain/jwt-key';
import type { SigningKey } from './signing-key';

/** ES256 has R and S side by side (RFC 7518 §3.4). */
const FORM: Readonly<Record<JwtAlgorithm, (signature: Buffer) => Buffer>> = { ES256: p1363Signature, RS256: (signature) => signature };

/**
 * Makes JWS of claims in the compact form (RFC 7515 §3.1), in ASCII; a promise where the key signs elsewhere. Members are written in the order they have.
 * Libraries want a key that they can hold; this takes any, and the tests compare it with one of them.
 */
export function compactJws(header: { readonly alg: JwtAlgorithm }, key: SigningKey): (claims: object) => Buffer | Promise<Buffer> {
  const first = encoded(header);
  const form = FORM[header.alg];
  return (claims) => {
    const signed = `${first}.${encoded(claims)}`;
    const whole = (signature: Buffer): Buffer => {
      const token = `${signed}.${form(signature).toString('base64url')}`;
      return Buffer.from(token, 'latin1');
    };
    const signature = key.sign(Buffer.from(signed, 'latin1'));
    return signature instanceof Promise ? signature.then(whole) : whole(signature);
  };
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
