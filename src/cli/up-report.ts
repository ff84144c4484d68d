import { closeSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ErrorAnswer } from '../domain/answers';
import { MandateError, isErrorCode } from '../domain/errors';
import type { ReadyInfo, UpEvent } from '../domain/up';

/** What the process in the background tells the one that started it, one JSON document a line. */
export type UpReport = { readonly event: UpEvent } | { readonly ready: ReadyInfo } | ErrorAnswer;

/** Longest line that is read; a report is a few hundred bytes. */
const MAX_LINE = 64 * 1024;

/** Writes reports to an inherited descriptor. That nobody reads any more is no failure: the service runs on. */
export class UpReporter {
  #open = true;
  constructor(private readonly fd: number) {}

  tell(report: UpReport): void {
    if (!this.#open) return;
    try {
      writeSync(this.fd, `${JSON.stringify(report)}\n`);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }
}

/** Reads reports until Ready. Throws the failure that was reported; undefined means that the reports ended without either. */
export async function readReports(stream: Readable, onEvent: (event: UpEvent) => void): Promise<ReadyInfo | undefined> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) return undefined;
    for (const line of lines) {
      const report = JSON.parse(line) as UpReport;
      if ('ready' in report) return report.ready;
      if ('error' in report) throw failureOf(report);
      onEvent(report.event);
    }
  }
  return undefined;
}

function failureOf({ error }: ErrorAnswer): MandateError {
  const { saw, why, fix } = error;
  return new MandateError(isErrorCode(error.code) ? error.code : 'E_INTERNAL', {
    ...(saw !== undefined && { saw }),
    ...(why !== undefined && { why }),
    ...(fix !== undefined && { fix }),
  });
}
