import { GIVEN, LADDERS } from './assurance';
import { CONNECTION, type Rule } from './rule';
import type { RuleReader } from './rule-reader';
import type { YamlNode } from './rule-yaml';

/** What a rule requires of the chain: a word of each ladder at least, any of the listed ways of giving, and who may hold the connection. */
export function readRequire(reader: RuleReader, node: YamlNode | undefined): Rule['require'] {
  const entries = reader.map(node, 'require', ['process', 'delegator', 'device', 'given', 'connection']);
  if (entries === undefined) return {};
  const process = reader.word(entries.process, 'require.process', LADDERS.process);
  const delegator = reader.word(entries.delegator, 'require.delegator', LADDERS.delegator);
  const device = reader.word(entries.device, 'require.device', LADDERS.device);
  const ways = reader.items(entries.given, 'require.given', GIVEN.length)?.map((item) => reader.word(item, 'require.given', GIVEN));
  const given = GIVEN.filter((way) => ways?.includes(way));
  const connection = reader.word(entries.connection, 'require.connection', CONNECTION);
  return {
    ...(process === undefined ? {} : { process }),
    ...(delegator === undefined ? {} : { delegator }),
    ...(device === undefined ? {} : { device }),
    ...(given.length === 0 ? {} : { given }),
    ...(connection === undefined ? {} : { connection }),
  };
}
