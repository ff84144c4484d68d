import type { ConfigAnswer } from '../../domain/answers';
import { loadConfig } from '../../system/config-file';
import { configPlace } from '../config-place';
import { safe } from '../safe';
import type { Command } from '../specs/spec';
import type { Style } from '../style';
import { table } from '../table';

/** `mandate config show`: what the next start would read. What runs keeps what it was started with. */
export const configShow: Command = (context, _operands, options) => {
  const place = configPlace(context, context.layout(), options);
  const { values } = loadConfig(place);
  const answer: ConfigAnswer = {
    file: place.path,
    values: values.map(({ key, value, line }) => ({ key, value, source: line === null ? 'default' : 'file', line })),
  };
  context.out.answer(answer, (style) => configText(answer, style), answer.values);
  context.out.note((style) => style.dim('A running mandate keeps what it read when it was started.\n'));
  return Promise.resolve();
};

function configText({ file, values }: ConfigAnswer, style: Style): string {
  const rows = values.map(({ key, value, line }) => [
    key,
    value === null ? '–' : safe(String(value)),
    line === null ? 'default' : `${safe(file)}:${line}`,
  ]);
  return table(['KEY', 'VALUE', 'SOURCE'], rows, style);
}
