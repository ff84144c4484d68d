import type { DescMessage, DescMethod, DescService, MessageShape } from '@bufbuild/protobuf';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** A message as its own bytes: what is sent to many streams is encoded once. */
export type Encoded<T> = T | Buffer;

const serializer =
  <D extends DescMessage>(schema: D) =>
  (message: Encoded<MessageShape<D>>): Buffer =>
    Buffer.isBuffer(message) ? message : Buffer.from(toBinary(schema, message));

const deserializer =
  <D extends DescMessage>(schema: D) =>
  (bytes: Buffer): MessageShape<D> =>
    fromBinary(schema, bytes);

/** The same, but `malformed` in place of bytes that are no such message. */
const lenient =
  (schema: DescMessage, malformed: object) =>
  (bytes: Buffer): unknown => {
    try {
      return fromBinary(schema, bytes);
    } catch {
      return malformed;
    }
  };

function methodDefinition(service: DescService, method: DescMethod, malformed: object | undefined): MethodDefinition<unknown, unknown> {
  return {
    path: `/${service.typeName}/${method.name}`,
    originalName: method.localName,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: serializer(method.input) as (value: unknown) => Buffer,
    requestDeserialize: malformed === undefined ? deserializer(method.input) : lenient(method.input, malformed),
    responseSerialize: serializer(method.output) as (value: unknown) => Buffer,
    responseDeserialize: deserializer(method.output),
  };
}

/**
 * A grpc-js service definition of a protobuf-es service; method names are the local ones (`fetchX509SVID`). With `malformed`, handlers get
 * that in place of a request that cannot be read; without, the library ends the call as Internal.
 */
export const grpcService = (service: DescService, malformed?: object): ServiceDefinition =>
  Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(service, method, malformed)]));
