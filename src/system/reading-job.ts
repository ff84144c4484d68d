import type { WantedText } from '../domain/attestation';

/** One job for a reading thread; `folder` is a descriptor of the process's /proc folder, open until the answer comes. */
export type ReadingJob = { readonly folder: number; readonly uid: number; readonly gid: number } & ReadingTask;

export type ReadingTask =
  | { readonly what: 'own-words'; readonly places: readonly string[] }
  | { readonly what: 'code' }
  | { readonly what: 'file'; readonly paths: readonly string[] }
  | { readonly what: 'texts'; readonly wanted: readonly WantedText[] };

export type ReadingAnswer = { readonly found: unknown } | { readonly error: string };
