import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { keepAlive } from '../cli/keep-alive';
import { WorkloadClient } from '../cli/workload-client';
import { asMandateError, GRPC, type MandateError } from '../domain/errors';
import { derElements } from '../domain/der';
import { pem } from '../domain/pem';
import type { X509SVIDResponse } from '../generated/proto/spiffe/workloadapi_pb';
import { systemClock } from '../system/clock';
import { CredentialFolder, tmpfsFor } from '../system/credential-folder';
import { pidfdOpen } from '../system/pidfd';
import { systemRandom } from '../system/random';
import { Readiness } from '../system/readiness';
import { disposeSignal } from '../system/this-process';
import type { FilesAnswer } from './keep-files';

const STDOUT = 1;
/** How long the command is kept waiting; a first attestation may take seconds. */
const FIRST_MS = 30_000;
const RETRY_MS = 2_000;

/**
 * The writer of `mandate run --files`: a process of the launch with a key of its own, attested without a look at any program, that keeps
 * its X509-SVID in files for as long as its parent lives (docs/adr/0014-files-are-less.md).
 */
export function filesEntry([at = '', socket = '', parent = '']: readonly string[]): void {
  // Not hardened further: a node of our own user has to read us, and what we hold lies in files of that user anyway.
  disposeSignal(constants.signals.SIGUSR1, 'ignore');
  keepAlive();
  const writer = new Writer(at, socket);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, () => writer.end());
  // Not by a signal at the parent's end: it would come from within a domain that we are not in, and the kernel would drop it.
  const pidfd = pidfdOpen(Number(parent));
  new Readiness({ debug: nothing, info: nothing, warn: nothing, error: () => writer.end() }).once(pidfd, () => writer.end());
  // It may have ended, and its pid be another's, before it could be held.
  if (String(process.ppid) !== parent) writer.end();
  void writer.run();
}

class Writer {
  #folder: CredentialFolder | undefined;
  #told = false;

  constructor(
    private readonly at: string,
    private readonly socket: string,
  ) {}

  async run(): Promise<never> {
    systemClock.after(FIRST_MS, () => this.#told || this.end());
    for (;;) {
      const error = asMandateError(await this.#follow().catch((thrown: unknown) => thrown));
      if (!this.#told) {
        const { saw, why } = error.explanation;
        this.#tell({ ready: false, code: error.code, message: error.message, saw: why ?? saw });
        this.end();
      }
      // Who may not have it any more does not keep it; who cannot ask keeps it until it expires.
      if (!isPassing(error)) this.#folder?.clear();
      await new Promise<void>((resolve) => systemClock.after(RETRY_MS, resolve));
    }
  }

  /** Writes what comes until the stream fails. */
  async #follow(): Promise<void> {
    const client = new WorkloadClient(this.socket, systemClock);
    try {
      for await (const answer of client.x509ForFiles()) {
        this.#folder ??= new CredentialFolder(this.at, tmpfsFor(process.geteuid?.() ?? -1, process.env['XDG_RUNTIME_DIR']), systemRandom);
        this.#folder.write(filesOf(answer));
        this.#tell({ ready: true });
      }
    } finally {
      client.close();
    }
  }

  /** Once, and then the pipe to the launcher is closed: the program that it becomes has no use for it. */
  #tell(answer: FilesAnswer): void {
    if (this.#told) return;
    this.#told = true;
    writeSync(STDOUT, `${JSON.stringify(answer)}\n`);
    closeSync(STDOUT);
  }

  end(): never {
    this.#folder?.remove();
    process.exit();
  }
}

const isPassing = (error: MandateError): boolean => error.grpcStatus === GRPC.unavailable || error.grpcStatus === GRPC.deadlineExceeded;

const nothing = (): void => undefined;

/** The default identity, by the names that SPIFFE helpers use. */
function filesOf({ svids: [svid] }: X509SVIDResponse): ReadonlyMap<string, string> {
  const chain = (der: Uint8Array) =>
    derElements(Buffer.from(der))
      .map((one) => pem('CERTIFICATE', one))
      .join('');
  if (svid === undefined) throw new RangeError('an answer without an SVID');
  return new Map([
    ['svid.pem', chain(svid.x509Svid)],
    ['svid_key.pem', pem('PRIVATE KEY', Buffer.from(svid.x509SvidKey))],
    ['bundle.pem', chain(svid.bundle)],
  ]);
}
