import { unixSocketPath } from './layout';

/** How a remote signer is reached: over a socket of this machine, or over TCP. */
export type SignerAddress =
  | { readonly over: 'socket'; readonly path: string; readonly base: string }
  | { readonly over: 'http' | 'https'; readonly host: string; readonly port: number; readonly base: string };

/** No user information, query or fragment; a path in one form. */
const URL_FORM =
  /^(https?):\/\/([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([1-9][0-9]{0,4}))?((?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~-]+)*)$/;
/** The one host that needs no TLS: what is sent there does not leave the machine. A name could be made to mean another. */
const LOOPBACK = ['127.0.0.1', '[::1]'];

/** `unix:/PATH`, `https://HOST[:PORT][/BASE]`, or `http://` with a loopback address; undefined for anything else. */
export function signerAddress(text: string): SignerAddress | undefined {
  const path = socketPath(text);
  if (path !== undefined) return { over: 'socket', path, base: '' };
  const [, over, host, port, base] = URL_FORM.exec(text) ?? [];
  if (host === undefined || (over === 'http' && !LOOPBACK.includes(host)) || Number(port ?? 1) > 65_535) return undefined;
  return {
    over: over as 'http' | 'https',
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? (over === 'https' ? 443 : 80) : Number(port),
    base: base ?? '',
  };
}

function socketPath(text: string): string | undefined {
  try {
    return unixSocketPath(text);
  } catch {
    return undefined; // longer than a kernel takes
  }
}

export const ADDRESS_FORMS = 'unix:/path, https://host[:port][/path], or http:// with 127.0.0.1 or [::1]';
