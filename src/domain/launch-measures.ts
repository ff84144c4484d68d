import { canonicalJson } from './canonical';
import { CONFIGURATION } from './configuration';
import type { Fact } from './evidence';

/**
 * What the node measured of a launch before its program ran, beside the program itself: what the arguments would have an interpreter run, the
 * package around it, and what would govern the agent. Null where there is none, or where it could not be read.
 */
export interface LaunchMeasures {
  readonly script: { readonly path: string; readonly sha256: string } | null;
  /** `npm:name@version` or `pypi:name@version`; SHA-256 of the file that says so, and of the lock beside it. */
  readonly package: { readonly name: string; readonly sha256: string; readonly lockSha256: string | null } | null;
  readonly configuration: { readonly product: string; readonly sha256: string } | null;
}

export const NOT_MEASURED: LaunchMeasures = { script: null, package: null, configuration: null };

/** A path of 4096 bytes, and room for the rest. */
const MAX_TEXT_BYTES = 8192;

/** As it goes over the wire and into the launch's row: canonical JSON, or nothing where nothing was measured, or too much to keep. */
export function measuresText(measured: LaunchMeasures): string {
  if (Object.values(measured).every((part) => part === null)) return '';
  const written = canonicalJson({ ...measured });
  return Buffer.byteLength(written) <= MAX_TEXT_BYTES ? written : '';
}

/** What such a text says; one that says nothing of the kind says that nothing was measured. */
export function measuresOf(written: string): LaunchMeasures {
  if (written === '' || Buffer.byteLength(written) > MAX_TEXT_BYTES) return NOT_MEASURED;
  try {
    const { script, package: packaged, configuration } = JSON.parse(written) as Record<string, Part>;
    return {
      script: script ? { path: words(script['path']), sha256: digest(script['sha256']) } : null,
      package: packaged
        ? {
            name: words(packaged['name']),
            sha256: digest(packaged['sha256']),
            lockSha256: packaged['lockSha256'] === null ? null : digest(packaged['lockSha256']),
          }
        : null,
      configuration: configuration ? { product: words(configuration['product']), sha256: digest(configuration['sha256']) } : null,
    };
  } catch {
    return NOT_MEASURED;
  }
}

type Part = Readonly<Record<string, unknown>> | null;

function words(value: unknown): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw new RangeError('not a text');
  return value;
}

function digest(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw new RangeError('not a digest');
  return value;
}

/** What of a launch can turn out to be another than it was before. */
export const LAUNCH_PARTS = ['program', 'script', 'package', 'configuration'] as const;
export type LaunchPart = (typeof LAUNCH_PARTS)[number];

export interface Compared {
  readonly changed: readonly LaunchPart[];
  /** False where a part could not be seen: nothing differs, and nothing is known to be the same. */
  readonly whole: boolean;
}

/**
 * Compares the launched process, by the facts of all attestors, with what was measured before it ran. A program that starts with `#!` is
 * a script that its interpreter runs: then the script is compared, not the program.
 */
export function compareLaunch(
  { script, package: packaged, configuration }: LaunchMeasures,
  launch: { readonly programSeen: boolean; readonly shebang: boolean },
  facts: readonly Fact[],
): Compared {
  const seen = (type: string): string | null => facts.find((fact) => fact.type === type)?.value ?? null;
  // A process may overwrite its arguments, and some do so to show a title: then nobody can say which script it runs.
  const scriptHidden = script !== null && seen('script.mode') === null;
  const product = seen('agent.product');
  const agentHidden = product === null || (scriptHidden && product !== (configuration?.product ?? null));
  const changed: Readonly<Record<LaunchPart, boolean>> = {
    program: !launch.shebang && !launch.programSeen,
    script: !scriptHidden && (seen('script.sha256') !== (script?.sha256 ?? null) || seen('script.path') !== (script?.path ?? null)),
    package: !scriptHidden && seen('script.package') !== (packaged?.name ?? null),
    configuration: !agentHidden && seen(CONFIGURATION) !== (configuration?.sha256 ?? null),
  };
  return { changed: LAUNCH_PARTS.filter((part) => changed[part]), whole: !scriptHidden && !agentHidden };
}
