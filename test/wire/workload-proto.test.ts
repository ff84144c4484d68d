import { ScalarType } from '@bufbuild/protobuf';
import { SpiffeWorkloadAPI } from '../../src/generated/proto/spiffe/workloadapi_pb';

/** SPIFFE Workload API, §4 and §5: every field by its number, name and type. */
const MESSAGES: Readonly<Record<string, readonly string[]>> = {
  X509SVIDRequest: [],
  X509SVIDResponse: ['1 svids repeated X509SVID', '2 crl repeated BYTES', '3 federated_bundles map<STRING, BYTES>'],
  X509BundlesRequest: [],
  X509BundlesResponse: ['1 crl repeated BYTES', '2 bundles map<STRING, BYTES>'],
  JWTSVIDRequest: ['1 audience repeated STRING', '2 spiffe_id STRING'],
  JWTSVIDResponse: ['1 svids repeated JWTSVID'],
  JWTBundlesRequest: [],
  JWTBundlesResponse: ['1 bundles map<STRING, BYTES>'],
  ValidateJWTSVIDRequest: ['1 audience STRING', '2 svid STRING'],
  ValidateJWTSVIDResponse: ['1 spiffe_id STRING', '2 claims google.protobuf.Struct'],
  WITSVIDRequest: ['1 spiffe_id STRING'],
  WITSVIDResponse: ['1 svids repeated WITSVID'],
  WITBundlesRequest: [],
  WITBundlesResponse: ['1 bundles map<STRING, STRING>'],
  X509SVID: ['1 spiffe_id STRING', '2 x509_svid BYTES', '3 x509_svid_key BYTES', '4 bundle BYTES', '5 hint STRING'],
  JWTSVID: ['1 spiffe_id STRING', '2 svid STRING', '3 hint STRING'],
  WITSVID: ['1 spiffe_id STRING', '2 wit_svid STRING', '3 wit_svid_key STRING', '4 hint STRING'],
};

const messages = SpiffeWorkloadAPI.file.messages.filter(({ parent }) => parent === undefined);

function field(one: (typeof messages)[number]['fields'][number]): string {
  const typeOf = (scalar: ScalarType | undefined, message: { typeName: string } | undefined) =>
    scalar === undefined ? (message?.typeName ?? '?') : ScalarType[scalar];
  const head = `${one.number} ${one.name}`;
  if (one.fieldKind === 'map') return `${head} map<${ScalarType[one.mapKey]}, ${typeOf(one.scalar, one.message)}>`;
  return `${head} ${one.fieldKind === 'list' ? 'repeated ' : ''}${typeOf(one.scalar, one.message)}`;
}

test('WE-11: the service has the seven calls of the standard and no other', () => {
  const calls = SpiffeWorkloadAPI.methods.map(({ name, methodKind, input, output }) => [name, methodKind, input.typeName, output.typeName]);
  expect(SpiffeWorkloadAPI.typeName).toBe('SpiffeWorkloadAPI');
  expect(calls.sort()).toEqual([
    ['FetchJWTBundles', 'server_streaming', 'JWTBundlesRequest', 'JWTBundlesResponse'],
    ['FetchJWTSVID', 'unary', 'JWTSVIDRequest', 'JWTSVIDResponse'],
    ['FetchWITBundles', 'server_streaming', 'WITBundlesRequest', 'WITBundlesResponse'],
    ['FetchWITSVID', 'server_streaming', 'WITSVIDRequest', 'WITSVIDResponse'],
    ['FetchX509Bundles', 'server_streaming', 'X509BundlesRequest', 'X509BundlesResponse'],
    ['FetchX509SVID', 'server_streaming', 'X509SVIDRequest', 'X509SVIDResponse'],
    ['ValidateJWTSVID', 'unary', 'ValidateJWTSVIDRequest', 'ValidateJWTSVIDResponse'],
  ]);
});

test('WE-11: its messages have the fields of the standard and no other', () => {
  expect(Object.fromEntries(messages.map(({ name, fields }) => [name, fields.map(field)]))).toEqual(MESSAGES);
});
