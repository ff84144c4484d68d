import type { CommandSpec, OptionSpec } from './spec';
import type * as DbMigrateModule from '../commands/db-migrate';
import type * as DbStatusModule from '../commands/db-status';
import type * as DbPsqlModule from '../commands/db-psql';

const NOT_ALLOWED = [4, 'asked by an agent, or by a user who does not administer'] as const;

const ADDRESS: readonly OptionSpec[] = [
  { flags: '--db <url>', text: 'server role on another PostgreSQL (or DATABASE_URL)' },
  { flags: '--db-owner <url>', text: 'owner role, used for migrations only' },
];

export const DATABASE: readonly CommandSpec[] = [
  {
    path: ['db', 'migrate'],
    operands: '',
    sentence: 'Bring the database schema to what this version needs.',
    examples: [
      ['db migrate --db-owner postgres://owner@db.internal/mandate', 'another PostgreSQL; `up` migrates its own'],
      ['db migrate --print-roles', 'the SQL that creates the roles, for a database administrator'],
    ],
    options: [
      { title: 'Options', options: [{ flags: '--print-roles', text: 'print the SQL for the roles and change nothing' }] },
      { title: 'Database', options: ADDRESS },
    ],
    exits: [NOT_ALLOWED, [5, 'the database cannot be reached']],
    topic: null,
    load: () => (require('../commands/db-migrate') as typeof DbMigrateModule).dbMigrate,
  },
  {
    path: ['db', 'status'],
    operands: '',
    sentence: 'Say which database is used and whether its schema is current.',
    examples: [
      ['db status', 'for people'],
      ['db status -o json', 'for scripts: pending'],
    ],
    options: [{ title: 'Database', options: ADDRESS }],
    exits: [NOT_ALLOWED, [5, 'the database cannot be reached']],
    topic: null,
    load: () => (require('../commands/db-status') as typeof DbStatusModule).dbStatus,
  },
  {
    path: ['db', 'psql'],
    operands: '[arguments...]',
    sentence: 'Open psql as the reading role.',
    examples: [
      ['db psql', 'interactive'],
      ['db psql -- -c "select count(*) from credential"', 'arguments for psql after --'],
    ],
    options: [{ title: 'Database', options: ADDRESS.slice(0, 1) }],
    exits: [NOT_ALLOWED, [5, 'the database cannot be reached']],
    topic: null,
    passThrough: true,
    load: () => (require('../commands/db-psql') as typeof DbPsqlModule).dbPsql,
  },
];
