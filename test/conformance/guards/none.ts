/** Rules of the standards that no guard of ours can be taken out of, and what keeps them instead; docs/conformance.md says the same. */
export const WITHOUT_GUARD: Readonly<Record<string, string>> = {
  'XV-23': 'nothing looks at the subject of a leaf',
  'JS-18': 'nothing of ours sends tokens; the pages say how',
  'WE-01': 'kept by @grpc/grpc-js',
  'WE-02': 'the node opens no other listener',
  'WE-03': 'the node opens no TCP listener',
  'WE-04': 'TLS is not built in',
  'WE-07': 'there is nothing to show',
  'WE-11': 'the service is generated from the .proto of the standard',
  'FD-14': 'nothing moves it',
  'FD-38': 'nothing sets up the other one',
};
