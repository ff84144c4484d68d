import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import { ROOT } from './command-line';

/** The published schema of one answer, by the name of its file. */
export function schemaOf(name: string): ValidateFunction {
  const ajv = new Ajv({ strict: true, strictTypes: false, allErrors: true });
  return ajv.compile(JSON.parse(readFileSync(path.join(ROOT, 'docs/schema', `${name}.schema.json`), 'utf8')));
}
