import type { IncomingMessage, ServerResponse } from 'node:http';

export class Keys {
  constructor(folder: string | undefined);
  create(name: string, algorithm: string): Promise<boolean>;
  describe(name: string): { readonly name: string; readonly algorithm: string; readonly publicKey: string } | undefined;
  names(): string[];
  sign(name: string, digest: Buffer): Buffer;
  destroy(name: string): void;
}

type Answerer = (request: IncomingMessage, body: unknown) => Promise<readonly [number, object]>;

export function answerer(keys: Keys, token: () => string | undefined): Answerer;
export function listener(answer: Answerer): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
