/** Which package a file says it belongs to, from the file that describes the package. */

const NPM_NAME = /^(@[a-z0-9~._-]+\/)?[a-z0-9~._-]+$/i;
const PYTHON_NAME = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}$/;
const MAX_NAME = 214;

/** `name@version` of a package.json; undefined where it names neither, as those do that only say how files are read. */
export function npmPackage(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, version } = value as { name?: unknown; version?: unknown };
  return named(name, version, NPM_NAME);
}

/** `name@version` of the `[project]` table of a pyproject.toml, where both are written there as plain strings. */
export function pythonPackage(text: string): string | undefined {
  const table = /^\[project\][ \t]*\r?\n((?:(?!\[)[^\n]*(?:\n|$))*)/m.exec(text)?.[1] ?? '';
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}[ \\t]*=[ \\t]*(?:"([^"\\\\\\n]*)"|'([^'\\n]*)')`, 'm').exec(table)?.slice(1).find(Boolean);
  return named(value('name'), value('version'), PYTHON_NAME);
}

function named(name: unknown, version: unknown, form: RegExp): string | undefined {
  if (typeof name !== 'string' || typeof version !== 'string' || name.length > MAX_NAME) return undefined;
  return form.test(name) && VERSION.test(version) ? `${name}@${version}` : undefined;
}
