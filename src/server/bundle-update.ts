import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Bundle, bundleDer, jwkSetJson } from '../domain/bundle';
import type { BundleUpdateSchema } from '../generated/proto/mandate/v1/node_link_pb';
import type { ForeignBundle } from '../verify/foreign-bundle';

/** All that a node publishes, in one message: our own bundle and those of partners, each under its own name. */
export type BundleUpdate = MessageInitShape<typeof BundleUpdateSchema>;

export const bundleUpdate = (own: Bundle, soundX509: Iterable<string>, foreign: readonly ForeignBundle[]): BundleUpdate => ({
  sequence: BigInt(own.sequence),
  x509Authorities: bundleDer(own),
  jwtBundle: Buffer.from(jwkSetJson(own)),
  soundX509: [...soundX509],
  foreign: foreign.map(({ trustDomain, x509, jwks }) => ({ trustDomain, x509Authorities: x509, jwtBundle: jwks })),
});
