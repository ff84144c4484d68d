import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import { ROOT } from './command-line';

/** The published schema of one answer, by the name of its file. */
export function schemaOf(name: string): ValidateFunction {
  const schema = JSON.parse(readFileSync(path.join(ROOT, 'docs/schema', `${name}.schema.json`), 'utf8')) as { $schema?: string };
  const options = { strict: true, strictTypes: false, allErrors: true };
  return (schema.$schema?.includes('2020-12') ? new Ajv2020(options) : new Ajv(options)).compile(schema);
}
