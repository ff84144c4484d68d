// The rows of the table, in its order. A client that cannot be asked one of them says why where it is declared; `only` names the clients
// that a row is about, and `otherwise` is what all others say.
const ONCE = 'judged once, beside go-spiffe: it is about what is published, not about who reads it';
const PARTNERS = 'judged once, with the federation package of go-spiffe as the partner';

export const SCENARIOS = {
  firstFetch: { title: 'first fetch: X509-SVID, its bundles' },
  jwt: { title: 'JWT-SVID for one and for three audiences, validated' },
  beforeRule: { title: 'started before any rule: refused, then served' },
  rotation: { title: 'three rotations on one connection' },
  secondIdentity: { title: 'second identity added and removed' },
  allRemoved: { title: 'every identity removed, then returned' },
  twoRoots: { title: 'second root prepared, in use, first one gone' },
  federation: { title: 'federated domain added and removed' },
  nodeKilled: { title: 'node killed: same agent, new key' },
  serverKilled: { title: 'server killed: the stream goes on and rotates' },
  downUp: { title: 'down, then up: same agent, new key' },
  neverShared: { title: 'no key or serial in two processes' },
  documents: { title: 'leaf with openssl, bundle URL with curl', only: ['go-spiffe'], otherwise: ONCE },
  endpointRead: { title: 'our bundle endpoint polled, both profiles', only: ['go-spiffe'], otherwise: PARTNERS },
  endpointPolled: { title: 'its bundle endpoint polled by us, both profiles', only: ['go-spiffe'], otherwise: PARTNERS },
  sample: {
    title: 'sample service: admits one agent, refuses another',
    only: ['go-spiffe', 'py-spiffe'],
    otherwise: 'there are samples in Go and Python alone',
  },
  proxy: { title: 'TLS server: admits one SPIFFE ID, refuses another', only: ['envoy'], otherwise: 'its TLS is not judged here' },
};
