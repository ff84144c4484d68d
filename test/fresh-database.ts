import pg from 'pg';
import { systemRandom } from '../src/system/random';

export interface FreshDatabase {
  readonly name: string;
  /** Of the three roles, and of a superuser for what tests must arrange. */
  readonly urls: { readonly owner: string; readonly server: string; readonly reader: string; readonly admin: string };
  drop(): Promise<void>;
}

/** A private, migrated copy of the template database. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const { admin, urls } = JSON.parse(process.env['MANDATE_TEST_DATABASE'] ?? '') as {
    admin: string;
    urls: Record<'owner' | 'server' | 'reader', string>;
  };
  const name = `t_${systemRandom.bytes(8).toString('hex')}`;
  const on = (url: string, database: string) => {
    const changed = new URL(url);
    changed.pathname = `/${database}`;
    return changed.toString();
  };
  const asAdmin = async (statements: string[]) => {
    const client = new pg.Client({ connectionString: on(admin, 'postgres') });
    await client.connect();
    try {
      // A template must not be in use while it is copied: one copy at a time.
      await client.query('SELECT pg_advisory_lock(1)');
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await asAdmin([
    `CREATE DATABASE ${name} TEMPLATE mandate OWNER mandate_owner`,
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO mandate_server, mandate_reader`,
  ]);
  return {
    name,
    urls: { owner: on(urls.owner, name), server: on(urls.server, name), reader: on(urls.reader, name), admin: on(admin, name) },
    drop: () => asAdmin([`DROP DATABASE ${name} WITH (FORCE)`]),
  };
}
