import { fileText } from '../src/domain/file-text';
import type { Attestor, Observation } from '../src/domain/attestation';
import type { RunningScripts } from '../src/domain/running-script';

/** More preloads than this are not stated. */
const MAX_PRELOADS = 8;

/** Which code an interpreter says it runs (script.md). */
export const scriptAttestor = (scripts: RunningScripts): Attestor => ({
  name: 'script',
  prepare(view) {
    scripts.of(view).catch(() => undefined); // `attest` finds the same fault
  },
  async attest(view) {
    const script = await scripts.of(view);
    if (script === undefined) return [];
    const { interpreter, claim, file } = script;
    return [
      claimed('interpreter', interpreter),
      claimed('mode', claim.mode),
      ...(claim.mode === 'module' && claim.named !== undefined ? [claimed('module', fileText(claim.named))] : []),
      ...(file === undefined ? [] : [claimed('path', fileText(file.path)), claimed('sha256', file.sha256)]),
      ...(script.package === undefined ? [] : [claimed('package', script.package)]),
      ...claim.preloads.slice(0, MAX_PRELOADS).map((preload) => claimed('preload', fileText(preload).slice(0, 1024))),
    ];
  },
});

/** Arguments are memory that the process may rewrite: whatever follows from them is its own word. */
const claimed = (name: string, value: string): Observation => ({ name, value, assurance: 'declared' });
