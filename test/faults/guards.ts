import type { Patch } from '../running/scratch';

/** An answer leaves while its record is still on its way. */
export const RELEASE_BEFORE_RECORD: Patch = {
  file: 'src/domain/issuance.ts',
  edits: [['  await append(entry);\n', '  void append(entry).catch(() => undefined);\n']],
};

/** A pinned process is taken for unchanged, whatever it did since it was attested. */
export const NO_RECHECK: Patch = {
  file: 'src/system/process-view.ts',
  edits: ['recheck', 'glance'].map((look) => [`  ${look}(): void {\n`, `  ${look}(): void {\n    if (this.pid > 0) return;\n`]),
};
