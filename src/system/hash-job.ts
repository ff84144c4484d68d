/** What the hasher and its thread say to each other. */

export interface HashJob {
  readonly id: number;
  /** A handle on the file, which the thread opens. */
  readonly fd: number;
  readonly sizeBytes: number;
}

export type HashAnswer =
  | { readonly id: number; readonly sha256: string }
  | { readonly id: number; readonly grown: true }
  | { readonly id: number; readonly error: string };

/** What both sides tell each other meanwhile: the job that the thread opens or reads, a number that changes with every such step, and that nobody waits for it any more. */
export type HashProgress = Int32Array;
export const PROGRESS = { job: 0, steps: 1, left: 2, length: 3 } as const;
