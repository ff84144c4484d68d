import type { KeyObject } from 'node:crypto';
import { generateKeyPair, sign } from 'node:crypto';

const RSA = { modulusLength: 2048, publicExponent: 65537 } as const;

/**
 * A fresh RSA key of an authority. Looking for its two primes takes 0.1 to 1 s of a processor, on another thread: requests are answered
 * meanwhile.
 */
export const generateRsaKey = (): Promise<KeyObject> =>
  new Promise((resolve, reject) =>
    generateKeyPair('rsa', RSA, (error, _publicKey, privateKey) => (error ? reject(error) : resolve(privateKey))),
  );

/** RFC 7518 §3.3: PKCS #1 v1.5 with SHA-256. It takes a millisecond, in which nobody else would be answered: on another thread. */
export const signRsa = (key: KeyObject, data: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => sign('sha256', data, key, (error, signature) => (error ? reject(error) : resolve(signature))));
