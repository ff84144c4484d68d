import type { Evidence, Fact } from './evidence';
import { selectorType } from './selectors';
import { isPathSegment, MAX_SPIFFE_ID_BYTES, pathFault } from './spiffe-id';

/** Longest template text, longest value that may enter one, and most segments. */
export const MAX_TEMPLATE_LENGTH = 1024;
export const MAX_TEMPLATE_VALUE_LENGTH = 255;

/** Placeholders that are not selector types. docs/rules.md lists them. */
export const PLACEHOLDERS = ['user', 'uid', 'instance', 'host'] as const;

/** One segment: literal text around at most one placeholder. */
interface Segment {
  readonly before: string;
  readonly placeholder: string | null;
  readonly after: string;
}

/** A path template as it was checked at load; `text` is what was written. */
export interface PathTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
}

/**
 * The template that `text` spells, or `fault`: why it is none. Braces hold a placeholder (`{user}`) or a selector type (`{launch.name}`),
 * at most one in a segment: with two, `a-b` and `c` would give the same ID as `a` and `b-c`.
 */
export function parseTemplate(text: string): { readonly template: PathTemplate } | { readonly fault: string } {
  if (text.length > MAX_TEMPLATE_LENGTH) return { fault: `a template has at most ${MAX_TEMPLATE_LENGTH} characters` };
  if (!text.startsWith('/')) return { fault: 'a template starts with /' };
  const segments: Segment[] = [];
  for (const part of text.slice(1).split('/')) {
    const segment = parseSegment(part);
    if (typeof segment === 'string') return { fault: segment };
    segments.push(segment);
  }
  return { template: { text, segments } };
}

function parseSegment(part: string): Segment | string {
  const open = part.indexOf('{');
  if (open === -1) {
    if (part.includes('}')) return 'a } has no { before it';
    return pathFault(`/${part}`) ?? { before: part, placeholder: null, after: '' };
  }
  const close = part.indexOf('}', open);
  if (close === -1) return 'a { has no } after it';
  const [before, placeholder, after] = [part.slice(0, open), part.slice(open + 1, close), part.slice(close + 1)];
  if (after.includes('{')) return 'one segment has at most one placeholder, or two different pairs of values would give one ID';
  const fault = pathFault(`/${before}x${after}`) ?? placeholderFault(placeholder);
  return fault ?? { before, placeholder, after };
}

function placeholderFault(name: string): string | undefined {
  if (isPlaceholder(name)) return undefined;
  const selector = selectorType(name);
  if (selector === undefined) return `there is no placeholder {${name}}`;
  return selector.form === 'path' ? `{${name}} is a path, and a value must be one path segment` : undefined;
}

const isPlaceholder = (name: string): name is (typeof PLACEHOLDERS)[number] => (PLACEHOLDERS as readonly string[]).includes(name);

/** What a template takes its values from. */
export interface TemplateSource {
  readonly evidence: Evidence;
  readonly factsOf: (type: string) => readonly Fact[];
  /** Id of the agent, where it is known; `{instance}` is its last 8 hex digits. */
  readonly agentId: string | undefined;
}

/** Which placeholder had no usable value: `seen` lists what there was, empty where there was nothing. */
export interface MissingValue {
  readonly placeholder: string;
  readonly seen: readonly string[];
}

/**
 * The path that the template gives, or the placeholder that blocks it. A value is used only where there is exactly one and it is one
 * path segment of at most 255 characters: nothing is rewritten, so two different values never become one.
 */
export function renderTemplate(
  template: PathTemplate,
  source: TemplateSource,
): { readonly path: string } | { readonly missing: MissingValue } {
  let path = '';
  for (const { before, placeholder, after } of template.segments) {
    if (placeholder === null) {
      path += `/${before}`;
      continue;
    }
    const values = valuesOf(placeholder, source);
    const value = values[0];
    if (values.length !== 1 || value === undefined || value.length > MAX_TEMPLATE_VALUE_LENGTH || !isPathSegment(value)) {
      return { missing: { placeholder, seen: values } };
    }
    path += `/${before}${value}${after}`;
    if (path.length > MAX_SPIFFE_ID_BYTES) return { missing: { placeholder, seen: values } };
  }
  return { path };
}

function valuesOf(placeholder: string, source: TemplateSource): readonly string[] {
  if (!isPlaceholder(placeholder)) {
    const said = selectorType(placeholder)?.strength === 'declared';
    return said ? source.factsOf(placeholder).map((f) => f.value) : known(source, placeholder);
  }
  switch (placeholder) {
    case 'user':
      return onBehalfOf(source, 'launch.user') ?? known(source, 'user.name');
    case 'uid':
      return onBehalfOf(source, 'launch.uid') ?? [String(source.evidence.uid)];
    case 'host':
      return known(source, 'host.name');
    case 'instance': {
      const instance = source.agentId?.slice(-8) ?? '';
      return /^[0-9a-f]{8}$/.test(instance) ? [instance] : [];
    }
  }
}

/** Under a uid of its own an agent is named after whoever launched it: its uid means something for one launch only. */
const onBehalfOf = (source: TemplateSource, type: string): readonly string[] | undefined =>
  known(source, 'launch.own_uid').includes('true') ? known(source, type) : undefined;

/** A declared value enters an ID only where the template names a selector that is never anything else. */
const known = (source: TemplateSource, type: string): readonly string[] =>
  source.factsOf(type).flatMap((f) => (f.assurance === 'declared' ? [] : [f.value]));
