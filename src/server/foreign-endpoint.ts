import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { MandateError } from '../domain/errors';
import { MAX_FOREIGN_BYTES } from '../domain/federation';
import { pem } from '../domain/pem';
import type { Clock } from '../domain/ports';
import type { Authority } from '../verify/authority';
import { derOf } from '../verify/foreign-bundle';
import type { TrustBundle } from '../verify/trust-bundle';
import { MAX_CHAIN, verifyX509Svid } from '../verify/x509-svid';

/** From the first look-up of the name to the last byte. */
const WHOLE_MS = 10_000;
const MAX_HEADER_BYTES = 16 * 1024;

/** How the endpoint is known: there is no way from one to the other (SPIFFE Federation §5.2). */
export type EndpointProof =
  | { readonly profile: 'https_web'; /** PEM instead of the public authorities. */ readonly ca: string | null }
  | {
      readonly profile: 'https_spiffe';
      readonly id: string;
      /** The last good bundle of the trust domain of the ID. */ readonly trust: TrustBundle;
    };

/**
 * Asks a bundle endpoint once and returns the body of its answer. Nothing of the partner is taken up: no redirect, no cookie, no session,
 * no compression, no address out of the answer. Throws E_FEDERATION_UNREACHABLE or E_FEDERATION_ENDPOINT.
 */
export function fetchForeignBundle(url: string, proof: EndpointProof, clock: Clock): Promise<Buffer> {
  // An agent of its own: a resumed session would skip the check of who answers.
  const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
  const options: RequestOptions = {
    agent,
    method: 'GET',
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    maxHeaderSize: MAX_HEADER_BYTES,
    insecureHTTPParser: false,
    minVersion: 'TLSv1.2',
    // Said here, so that no environment variable says otherwise.
    rejectUnauthorized: true,
    ...identityOf(proof, clock),
  };
  return new Promise<Buffer>((resolve, reject) => {
    const call = request(url, options);
    let late: MandateError | undefined;
    const cancel = clock.after(WHOLE_MS, () => {
      late = unreachable(`no whole answer within ${WHOLE_MS / 1000} seconds`);
      call.destroy(late);
    });
    let answered = false;
    const settle = (error: Error | undefined, body?: Buffer) => {
      cancel();
      agent.destroy();
      if (body) resolve(body);
      else reject(typed(late ?? error));
    };
    call.on('error', (error) => settle(error));
    // The connection may close before what came on it was read.
    call.on('close', () => answered || settle(undefined));
    call.on('response', (response) => {
      answered = true;
      read(response).then(
        (body) => settle(undefined, body),
        (error: Error) => {
          settle(error);
          call.destroy();
        },
      );
    });
    call.end();
  });
}

/** How the other end of the connection has to prove who it is, before anything is asked of it. */
function identityOf(proof: EndpointProof, clock: Clock): RequestOptions {
  if (proof.profile === 'https_web') {
    return {
      ...(proof.ca !== null && { ca: proof.ca }),
      // A name in the subject alone is none: that is left of the time before SANs.
      checkServerIdentity: (host, certificate) =>
        certificate.subjectaltname === undefined ? stranger('its certificate has no names') : checkServerIdentity(host, certificate),
    };
  }
  const { id, trust } = proof;
  if (trust.roots.length === 0)
    throw stranger(`there is no X.509 authority of ${trust.trustDomain ?? 'its trust domain'} to check it with`);
  return {
    ca: trust.roots.map((root) => pem('CERTIFICATE', derOf(root))),
    checkServerIdentity: (_host, certificate) => {
      try {
        const { spiffeId } = verifyX509Svid(chainOf(certificate, trust.roots), trust, clock.nowMs());
        return spiffeId === id ? undefined : stranger('its X509-SVID is of another SPIFFE ID');
      } catch (error) {
        return stranger(`its certificate: ${error instanceof MandateError ? (error.explanation.why ?? '') : 'not one'}`);
      }
    },
  };
}

/** Leaf and intermediates in DER; the root at the end is not part of what an endpoint presents. */
function chainOf(certificate: PeerCertificate, roots: readonly Authority[]): Buffer {
  const known = new Set(roots.map((root) => derOf(root).toString('hex')));
  const chain: Buffer[] = [];
  let at: Partial<DetailedPeerCertificate> | undefined = certificate;
  for (let before: unknown; at?.raw && at !== before && chain.length <= MAX_CHAIN; at = at.issuerCertificate) {
    if (known.has(at.raw.toString('hex'))) break;
    chain.push(at.raw);
    before = at;
  }
  return Buffer.concat(chain);
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const { statusCode = 0, headers } = response;
  if (statusCode >= 300 && statusCode < 400) throw unreachable(`status ${statusCode}: redirects are not followed`);
  if (statusCode !== 200) throw unreachable(`status ${statusCode}`);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw unreachable('a compressed answer, which nobody asked for');
  if (Number(headers['content-length'] ?? 0) > MAX_FOREIGN_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FOREIGN_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const tooLarge = (): MandateError => unreachable(`an answer of more than ${MAX_FOREIGN_BYTES / 1024} KiB`);

/** What OpenSSL says of a certificate that it does not accept; everything else is about the way there. */
const CERTIFICATE_FAULT = /^(CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|HOSTNAME_|INVALID_|PATH_|ERR_TLS_CERT)/;

function typed(error: Error | undefined): MandateError {
  if (error instanceof MandateError) return error;
  const code = error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  // Codes are words of Node and OpenSSL; the text beside them may quote the partner.
  const seen = code !== undefined && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'the connection ended';
  return CERTIFICATE_FAULT.test(seen) ? stranger(`its certificate: ${seen}`, error) : unreachable(seen, error);
}

const unreachable = (why: string, cause?: unknown): MandateError => new MandateError('E_FEDERATION_UNREACHABLE', { why }, { cause });
const stranger = (why: string, cause?: unknown): MandateError => new MandateError('E_FEDERATION_ENDPOINT', { why }, { cause });
