import type { MessagePort } from 'node:worker_threads';
import type { AgentAsked, WantedText } from '../domain/attestation';
import type { WantedVariables } from './own-words';

/** What a reading thread is started with. */
export interface ReadingStart {
  readonly answers: MessagePort;
  readonly variables: WantedVariables;
}

/** One job for a reading thread: tasks on one process, whose /proc folder is open under `folder` until the answer comes. */
export interface ReadingJob {
  readonly folder: number;
  readonly uid: number;
  readonly gid: number;
  readonly tasks: readonly ReadingTask[];
}

export type ReadingTask =
  | { readonly what: 'own-words' }
  | { readonly what: 'code' }
  /** `args` are its arguments where they were read before; otherwise those of this job. */
  | { readonly what: 'script'; readonly args: readonly string[] | undefined }
  /** Who holds these sockets beside the process. */
  | { readonly what: 'holders'; readonly pid: number; readonly sockets: readonly string[] }
  | { readonly what: 'file'; readonly paths: readonly string[] }
  | { readonly what: 'texts'; readonly wanted: readonly WantedText[] }
  | { readonly what: 'agent'; readonly asked: AgentAsked };

/** One for each task, in order. */
export type ReadingAnswer = readonly TaskAnswer[];

export type TaskAnswer = { readonly found: unknown } | { readonly error: string };
