import { create, type DescFile, type DescService, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { GRPC } from '../domain/errors';
import {
  type ServerReflectionRequest,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../generated/proto/grpc/reflection/v1/reflection_pb';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

/**
 * Answers what gRPC server reflection asks about these services: their names, and the files that describe them. Nothing that is asked
 * costs more than looking it up; whatever else is asked for is not found.
 */
export function reflection(services: readonly DescService[]): (request: ServerReflectionRequest) => ServerReflectionResponse {
  let described: Described | undefined;
  return (request) => {
    described ??= new Described(services);
    return create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: described.answer(request.messageRequest),
    });
  };
}

/** Made when somebody asks: hardly anybody does. */
class Described {
  readonly #byName = new Map<string, DescFile>();
  readonly #bySymbol = new Map<string, DescFile>();
  readonly #types = new Set<string>();
  readonly #encoded = new Map<DescFile, readonly Buffer[]>();

  constructor(private readonly services: readonly DescService[]) {
    for (const file of services.flatMap((service) => [...withDependencies(service.file)])) {
      this.#byName.set(file.proto.name, file);
      for (const type of nestedTypes(file)) {
        this.#bySymbol.set(type.typeName, file);
        if (type.kind === 'message') this.#types.add(type.typeName);
        if (type.kind === 'service') for (const { name } of type.methods) this.#bySymbol.set(`${type.typeName}.${name}`, file);
      }
    }
  }

  answer(asked: ServerReflectionRequest['messageRequest']): Answer {
    switch (asked.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: this.services.map(({ typeName }) => ({ name: typeName })) } };
      case 'fileByFilename':
        return this.#file(this.#byName.get(asked.value));
      case 'fileContainingSymbol':
        return this.#file(this.#bySymbol.get(asked.value));
      case 'allExtensionNumbersOfType':
        if (!this.#types.has(asked.value)) return NOT_FOUND;
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: asked.value, extensionNumber: [] } };
      case 'fileContainingExtension':
        return NOT_FOUND;
      case undefined:
        return { case: 'errorResponse', value: { errorCode: GRPC.invalidArgument, errorMessage: 'nothing is asked for' } };
    }
  }

  /** With what it imports: a client then need not ask again. */
  #file(file: DescFile | undefined): Answer {
    if (!file) return NOT_FOUND;
    const known = this.#encoded.get(file);
    const encoded = known ?? [...withDependencies(file)].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto)));
    this.#encoded.set(file, encoded);
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...encoded] } };
  }
}

/** The text quotes nothing: it would be sent as often as it is asked for. */
const NOT_FOUND: Answer = { case: 'errorResponse', value: { errorCode: GRPC.notFound, errorMessage: 'not served here' } };

function withDependencies(file: DescFile, seen = new Set<DescFile>()): Set<DescFile> {
  if (!seen.has(file)) {
    seen.add(file);
    for (const dependency of file.dependencies) withDependencies(dependency, seen);
  }
  return seen;
}
