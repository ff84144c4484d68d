import { z } from 'zod';
import { assertAuthoritiesOutlive, type AuthorityConfig } from '../domain/authority-config';
import { MandateError } from '../domain/errors';
import { canonicalJson } from '../domain/canonical';
import { compileRules, type CompiledRules } from '../domain/match';
import type { Clock, RuleStore } from '../domain/ports';
import { isManifestMatch, type RuleVersion } from '../domain/rule';
import { type LoadedRule, loadRules } from '../domain/rule-file';
import type { Manifests } from './manifests';

const MAX_FILES = 100;
const MAX_FILE_CHARACTERS = 256 * 1024;

export interface Applied {
  readonly before: readonly RuleVersion[];
  readonly now: readonly RuleVersion[];
  readonly changed: readonly RuleVersion[];
}

/** The rules in force, and the one way to change them. */
export class Rules {
  #current: readonly RuleVersion[] = [];
  #compiled: CompiledRules;

  constructor(
    private readonly store: RuleStore,
    private readonly trustDomain: string,
    private readonly manifests: Pick<Manifests, 'get' | 'standing'>,
    private readonly clock: Clock,
    private readonly authorities: AuthorityConfig,
  ) {
    this.#compiled = compileRules({ generation: 0, rules: [] }, trustDomain);
  }

  get current(): readonly RuleVersion[] {
    return this.#current;
  }

  get compiled(): CompiledRules {
    return this.#compiled;
  }

  /** Reads what is in force; called at start and after each change. */
  async load(): Promise<void> {
    this.#take(await this.store.current());
  }

  /** Parses the files again on this side, then adds what differs from the newest versions: all of it or nothing. */
  async apply(files: unknown, author: string, atMs: number): Promise<Applied> {
    const parsed = parseFiles(files);
    for (const rule of parsed) {
      this.#assureManifests(rule);
      this.#assureForeign(rule);
    }
    assertAuthoritiesOutlive(
      parsed.map(({ rule }) => rule),
      this.authorities,
    );
    const before = this.#current;
    const now = await this.store.apply(
      parsed.map(({ rule, canonical, contentSha256 }) => ({ rule, canonical, contentSha256 })),
      author,
      atMs,
    );
    this.#take(now);
    const versions = new Map(before.map((version) => [version.rule.name, version.version]));
    return { before, now, changed: now.filter((version) => versions.get(version.rule.name) !== version.version) };
  }

  /** Makes the rules in force ready anew: a manifest changed, or the grace of one ended. */
  recompile(): void {
    this.#take(this.#current);
  }

  #take(rules: readonly RuleVersion[]): void {
    const nowMs = this.clock.nowMs();
    const generation = this.#compiled.generation + 1;
    this.#current = rules;
    this.#compiled = compileRules({ generation, rules }, this.trustDomain, (match) => this.manifests.standing(match, nowMs));
  }

  /** The bundle of this installation goes to every process; a second one under the same name would take its place at some clients. */
  #assureForeign({ rule, file, line }: LoadedRule): void {
    if (!rule.issue.federatesWith?.includes(this.trustDomain)) return;
    throw new MandateError('E_RULE_INVALID', {
      saw: `${file}:${line}: rule ${rule.name}: issue.federates_with names ${this.trustDomain}`,
      why: 'that is the trust domain of this installation, which every process knows; nothing was applied',
    });
  }

  /** A name that stands for nothing would be a rule that never holds, and nobody would see why. */
  #assureManifests({ rule, file, line }: LoadedRule): void {
    for (const [selector, value] of Object.entries(rule.match)) {
      if (!isManifestMatch(value) || this.manifests.get(value.manifest)) continue;
      throw new MandateError('E_RULE_INVALID', {
        saw: `${file}:${line}: rule ${rule.name}: ${selector} names manifest ${value.manifest}`,
        why: 'there is no manifest of that name; nothing was applied',
        fix: 'add it first with mandate manifest add',
      });
    }
  }
}

const fileText = z.strictObject({
  fileName: z.string().max(4096),
  text: z.string().max(MAX_FILE_CHARACTERS),
  includes: z.record(z.string().max(4096), z.string().max(MAX_FILE_CHARACTERS)),
});
const filesRequest = z.array(fileText).min(1).max(MAX_FILES);

/** The service trusts no parsing but its own; what a file includes came along with it. */
function parseFiles(files: unknown): readonly LoadedRule[] {
  const parsed = filesRequest.safeParse(files);
  if (!parsed.success) throw new MandateError('E_REQUEST', { why: `1 to ${MAX_FILES} rule files, each with its name, text and includes` });
  return loadRules(
    parsed.data.map(({ fileName, text, includes }) => ({
      file: fileName,
      text,
      readFile: (path) => {
        const included = Object.hasOwn(includes, path) ? includes[path] : undefined;
        if (included === undefined) throw new MandateError('E_RULE_INVALID', { saw: path, why: 'the file was not sent along' });
        return included;
      },
    })),
  );
}

/** The author of a change, as recorded: who the kernel says it was. */
export const authorOf = (caller: { readonly uid: number; readonly pid: number; readonly key: string }): string =>
  canonicalJson({ uid: caller.uid, pid: caller.pid, process: caller.key });
