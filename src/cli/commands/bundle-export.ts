import { MandateError } from '../../domain/errors';
import { askAdmin } from '../admin-client';
import { textOption } from '../arguments';
import type { Command } from '../specs/spec';

/** `mandate bundle export`: the bytes themselves, whatever -o says. */
export const bundleExport: Command = async ({ deps, out, service }, _operands, options) => {
  const format = textOption(options, 'format') ?? 'pem';
  if (format !== 'pem' && format !== 'spiffe' && format !== 'jwks')
    throw new MandateError('E_USAGE', { saw: `--format ${format.slice(0, 40)}`, fix: 'one of pem, spiffe, jwks' });
  const answer = await askAdmin(deps.clock, service().adminSocket, 'bundle', {});
  out.raw(format === 'pem' ? answer.pem : `${JSON.stringify(answer[format], undefined, 2)}\n`);
};
