import type { WantedText } from '../domain/attestation';

/** One job for a reading thread: tasks on one process, whose /proc folder is open under `folder` until the answer comes. */
export interface ReadingJob {
  readonly folder: number;
  readonly uid: number;
  readonly gid: number;
  readonly tasks: readonly ReadingTask[];
}

export type ReadingTask =
  | { readonly what: 'own-words'; readonly places: readonly string[] }
  | { readonly what: 'code' }
  /** Who holds these sockets beside the process. */
  | { readonly what: 'holders'; readonly pid: number; readonly sockets: readonly string[] }
  | { readonly what: 'file'; readonly paths: readonly string[] }
  | { readonly what: 'texts'; readonly wanted: readonly WantedText[] };

/** One for each task, in order. */
export type ReadingAnswer = readonly TaskAnswer[];

export type TaskAnswer = { readonly found: unknown } | { readonly error: string };
