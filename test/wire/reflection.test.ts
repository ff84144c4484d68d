import { create, createFileRegistry, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { ServerReflection, ServerReflectionRequestSchema } from '../../src/generated/proto/grpc/reflection/v1/reflection_pb';
import { SpiffeWorkloadAPI } from '../../src/generated/proto/spiffe/workloadapi_pb';
import { reflection } from '../../src/wire/reflection';

type Asked = NonNullable<MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']>;
const answer = reflection([SpiffeWorkloadAPI, ServerReflection]);
const ask = (asked: Asked | undefined) =>
  answer(create(ServerReflectionRequestSchema, { host: 'h', ...(asked && { messageRequest: asked }) })).messageResponse;

/** The files of an answer, as a client that never saw them reads them. */
function described(asked: Asked) {
  const { case: kind, value } = ask(asked);
  if (kind !== 'fileDescriptorResponse') throw new Error(`answered with ${kind}`);
  const file = value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  return createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
}

test('WE-10: names the services it was made for, and no others', () => {
  const { value } = ask({ case: 'listServices', value: '*' });
  expect(value).toMatchObject({ service: [{ name: 'SpiffeWorkloadAPI' }, { name: 'grpc.reflection.v1.ServerReflection' }] });
});

test.each<Asked>([
  { case: 'fileContainingSymbol', value: 'SpiffeWorkloadAPI' },
  { case: 'fileContainingSymbol', value: 'SpiffeWorkloadAPI.FetchX509SVID' },
  { case: 'fileContainingSymbol', value: 'X509SVIDResponse' },
  { case: 'fileByFilename', value: 'spiffe/workloadapi.proto' },
])('WE-10: by %j the whole description comes, with what it imports', (asked) => {
  const service = described(asked).getService('SpiffeWorkloadAPI');
  expect(service?.methods.map(({ name, methodKind, input, output }) => [name, methodKind, input.typeName, output.typeName])).toEqual(
    SpiffeWorkloadAPI.methods.map(({ name, methodKind, input, output }) => [name, methodKind, input.typeName, output.typeName]),
  );
  expect(described(asked).getMessage('google.protobuf.Struct')).toBeDefined();
});

test('a file that is imported is described by itself, too', () => {
  expect(described({ case: 'fileByFilename', value: 'google/protobuf/struct.proto' }).getMessage('google.protobuf.Struct')).toBeDefined();
});

test('no message has extensions', () => {
  expect(ask({ case: 'allExtensionNumbersOfType', value: 'X509SVIDResponse' })).toMatchObject({
    value: { baseTypeName: 'X509SVIDResponse', extensionNumber: [] },
  });
});

test.each<Asked>([
  { case: 'fileContainingSymbol', value: 'mandate.v1.LaunchAPI' },
  { case: 'fileContainingSymbol', value: 'constructor' },
  { case: 'fileContainingSymbol', value: '' },
  { case: 'fileByFilename', value: '../../etc/passwd' },
  { case: 'fileByFilename', value: 'mandate/v1/launch.proto' },
  { case: 'fileContainingExtension', value: { containingType: 'X509SVIDResponse', extensionNumber: 1 } as never },
  { case: 'allExtensionNumbersOfType', value: 'SpiffeWorkloadAPI' },
])('%j is not found', (asked) => {
  expect(ask(asked)).toMatchObject({ case: 'errorResponse', value: { errorCode: 5, errorMessage: 'not served here' } });
});

test('who asks for nothing is told so, and every answer has its question', () => {
  expect(ask(undefined)).toMatchObject({ case: 'errorResponse', value: { errorCode: 3 } });
  const request = create(ServerReflectionRequestSchema, { host: 'h', messageRequest: { case: 'listServices', value: '' } });
  expect(answer(request)).toMatchObject({ validHost: 'h', originalRequest: request });
});
