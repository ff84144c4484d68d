import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tlv } from '../../src/domain/der';
import { pem } from '../../src/domain/pem';
import { NOW_MS } from '../authority/fixture';
import { between, bundleOf, verdict } from './chains';
import type { Forged, Forgery } from './forge';
import { forge, keyOf } from './forge';

/** A second opinion on paths: openssl, as strict as it can be, judges the same chains. It knows nothing of SPIFFE IDs. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'openssl-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function openssl(roots: readonly Forged[], [leaf, ...sent]: readonly Forged[]): boolean {
  const file = (name: string, list: readonly Forged[]): string => {
    const at = path.join(folder, name);
    writeFileSync(at, list.map(({ der }) => pem('CERTIFICATE', der)).join(''));
    return at;
  };
  const untrusted = sent.length > 0 ? ['-untrusted', file('sent.pem', sent)] : [];
  const only = ['-x509_strict', '-no-CApath', '-no-CAfile', '-no-CAstore', '-attime', String(NOW_MS / 1000)];
  const run = spawnSync('openssl', ['verify', ...only, '-CAfile', file('roots.pem', roots), ...untrusted, file('leaf.pem', [leaf!])], {
    encoding: 'utf8',
  });
  expect(run.stdout + run.stderr).toMatch(/: OK\n|error \d+ at \d+ depth lookup/);
  return run.status === 0;
}

function ours(roots: readonly Forged[], chain: readonly Forged[]): boolean {
  try {
    return verdict(chain, bundleOf(roots)).serial === '41';
  } catch (error) {
    expect(error).toMatchObject({ code: 'E_NOT_VERIFIED' });
    return false;
  }
}

interface Case {
  readonly roots: readonly Forged[];
  readonly chain: readonly Forged[];
}

/** Leaf, intermediate and root, each changed as wished. */
const three =
  (top: Forgery, middle: Forgery, leaf: Forgery = {}) =>
  async (): Promise<Case> => {
    const root = await forge({ ca: true, ...top });
    const one = await between(root, middle);
    return { roots: [root], chain: [await forge({ issuer: one, ...leaf }), one] };
  };

const host = (text: string): Buffer => tlv(0x30, tlv(0x86, Buffer.from(text)));
const constraints = (tag: number, text: string): Forgery => ({
  extra: [new x509.Extension('2.5.29.30', true, new Uint8Array(tlv(0x30, tlv(tag, host(text)))))],
});
const [permitted, excluded] = [0xa0, 0xa1];
const past = { notBeforeMs: NOW_MS - 2000, notAfterMs: NOW_MS - 1000 };
const future = { notBeforeMs: NOW_MS + 1000, notAfterMs: NOW_MS + 2000 };
const unknown: Forgery = { extra: [new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))] };

it.each<[string, boolean, () => Promise<Case>]>([
  ['a root, an intermediate and a leaf', true, three({}, {})],
  ['RSA above P-384', true, three({ keyType: 'RSA' }, { keyType: 'P-384', hash: 'SHA-512' })],
  ['P-521 above RSA', true, three({ keyType: 'P-521' }, { keyType: 'RSA', hash: 'SHA-384' })],
  ['an expired leaf', false, three({}, {}, past)],
  ['a leaf of the future', false, three({}, {}, future)],
  ['an expired intermediate', false, three({}, past)],
  ['an intermediate of the future', false, three({}, future)],
  ['an expired root', false, three(past, {})],
  ['an intermediate that is no authority', false, three({}, { ca: false })],
  ['an intermediate without basic constraints', false, three({}, { ca: null })],
  ['an intermediate that may not sign', false, three({}, { usage: x509.KeyUsageFlags.cRLSign })],
  ['a root that may not sign', false, three({ usage: x509.KeyUsageFlags.cRLSign }, {})],
  ['an unknown critical extension in the leaf', false, three({}, {}, unknown)],
  ['an unknown critical extension in the intermediate', false, three({}, unknown)],
  ['a root that allows no intermediate', false, three({ pathLength: 0 }, {})],
  ['a root that allows one', true, three({ pathLength: 1 }, {})],
  ['a self-issued intermediate under a root that allows none', true, three({ pathLength: 0 }, { name: 'CN=root' })],
  ['the permitted host', true, three(constraints(permitted, 'example.org'), {})],
  ['another host than the permitted one', false, three(constraints(permitted, 'example.com'), {})],
  ['a host where those below are permitted', false, three(constraints(permitted, '.example.org'), {})],
  ['an excluded host', false, three(constraints(excluded, 'example.org'), { uris: [] })],
  ['another host than the excluded one', true, three(constraints(excluded, 'example.com'), {})],
  ['constraints of the intermediate', false, three({}, constraints(permitted, 'example.com'))],
  ['another issuer name', false, three({}, {}, { issuerName: 'CN=other' })],
  [
    'a missing intermediate',
    false,
    async () => {
      const { roots, chain } = await three({}, {})();
      return { roots, chain: chain.slice(0, 1) };
    },
  ],
  [
    'two intermediates in the wrong order',
    true,
    async () => {
      const root = await forge({ ca: true });
      const first = await between(root, { name: 'CN=first' });
      const second = await between(first, { name: 'CN=second' });
      return { roots: [root], chain: [await forge({ issuer: second }), first, second] };
    },
  ],
  [
    'roots of one name and different keys',
    true,
    async () => {
      const [one, other] = [await forge({ ca: true }), await forge({ ca: true })];
      return { roots: [one, other], chain: [await forge({ issuer: other })] };
    },
  ],
  [
    'a namesake of the root',
    false,
    async () => ({ roots: [await forge({ ca: true })], chain: [await forge({ issuer: await forge({ ca: true }) })] }),
  ],
  [
    'a leaf as an issuer',
    false,
    async () => {
      const root = await forge({ ca: true });
      const first = await forge({ issuer: root, name: 'CN=first' });
      return { roots: [root], chain: [await forge({ issuer: first }), first] };
    },
  ],
  [
    'a root and its renewal',
    true,
    async () => {
      const key = keyOf('P-256');
      const old = await forge({ ca: true, key, ...past });
      return { roots: [await forge({ ca: true, key }), old], chain: [await forge({ issuer: old })] };
    },
  ],
])('XV-01: %s: openssl says %s, and so do we', async (_, holds, build) => {
  const { roots, chain } = await build();
  expect({ openssl: openssl(roots, chain), ours: ours(roots, chain) }).toEqual({ openssl: holds, ours: holds });
});
