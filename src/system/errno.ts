/** Name of the errno that a file or socket call failed with, e.g. `ENOENT`; `unknown error` for anything else that was thrown. */
export const errnoOf = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'unknown error';
