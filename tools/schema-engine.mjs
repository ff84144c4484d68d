#!/usr/bin/env node
// Replaces Prisma's downloaded `schema-engine` executable (found through PRISMA_SCHEMA_ENGINE_BINARY):
// same command line and stdio JSON-RPC, carried out by Prisma's own WASM schema engine over `pg`.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

const { values: opt, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    datamodels: { type: 'string', multiple: true },
    datasource: { type: 'string' },
    version: { type: 'boolean' },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
  },
});
const ds = JSON.parse(opt.datasource ?? '{}');
const log = (level, message, extra) =>
  process.stderr.write(`${JSON.stringify({ level, fields: { message, ...extra }, target: 'schema_engine::logger' })}\n`);
let panic;
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  set_message: (m) => {
    panic = m;
    log('ERROR', m, { is_panic: true });
  },
};

function config(url, database) {
  const u = new URL(url);
  const schema = u.searchParams.get('schema') ?? 'public';
  for (const p of ['schema', 'connection_limit', 'pool_timeout', 'connect_timeout', 'socket_timeout', 'pgbouncer'])
    u.searchParams.delete(p);
  if (database) u.pathname = `/${encodeURIComponent(database)}`;
  return { schema, connectionString: u.toString(), connectionTimeoutMillis: 10_000, options: `-c timezone=UTC -c search_path="${schema}"` };
}
async function withClient(url, database, fn) {
  const c = new pg.Client(config(url, database));
  try {
    await c.connect();
    return await fn(c);
  } finally {
    await c.end().catch(() => {});
  }
}
const asAdmin = (fn) => withClient(ds.url, 'postgres', fn);
const ident = pg.escapeIdentifier;
const target = () => decodeURIComponent(new URL(ds.url).pathname.slice(1));
const createDatabase = () =>
  asAdmin((c) => c.query(`CREATE DATABASE ${ident(target())}`)).catch((e) => {
    if (e.code !== '42P04') throw e;
  });

// One connection per adapter (the migration lock is a session lock); notes pg's internal "char" columns.
class EnginePool extends pg.Pool {
  async query(...args) {
    const result = await super.query(...args);
    this.chars = [];
    result.fields?.forEach((f, i) => {
      if (f.dataTypeID === 18) {
        f.dataTypeID = 25;
        this.chars.push(i);
      }
    });
    return result;
  }
}
const live = new Set();
async function open(cfg, after = async () => {}) {
  const pool = new EnginePool({ ...cfg, max: 1, idleTimeoutMillis: 0 });
  const adapter = await new PrismaPg(pool, { schema: cfg.schema }).connect();
  const stock = adapter.queryRaw.bind(adapter);
  let turn = Promise.resolve();
  adapter.queryRaw = (q) =>
    (turn = turn
      .catch(() => {})
      .then(() => stock(q))
      .then((r) => {
        // stock: throws on "char"; the engine wants Character
        for (const i of pool.chars) r.columnTypes[i] = ColumnTypeEnum.Character;
        return r;
      }));
  adapter.executeScript = (sql) =>
    pool.query(sql).then(
      () => {},
      (e) => adapter.onError(e),
    ); // stock: splits at every ';'
  adapter.dispose = async () => {
    if (live.delete(adapter)) {
      await pool.end();
      await after();
    }
  };
  live.add(adapter);
  return adapter;
}
const factory = {
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  connect: () => open(config(ds.url)),
  connectToShadowDb: async () => {
    // stock: with a connectionString its "shadow" is the real database
    if (ds.shadowDatabaseUrl) return open(config(ds.shadowDatabaseUrl));
    const name = `prisma_migrate_shadow_db_${randomUUID()}`;
    await asAdmin((c) => c.query(`CREATE DATABASE ${ident(name)}`));
    return open(config(ds.url, name), () => asAdmin((c) => c.query(`DROP DATABASE IF EXISTS ${ident(name)}`)));
  },
};
const offline = {
  ...factory,
  connect: async () =>
    Object.assign(await new PrismaPg({}).connect(), {
      // schema-to-schema diff: no server
      executeRaw: async () => 0,
      executeScript: async () => {},
      queryRaw: async () => ({
        columnNames: ['version', 'numeric_version'],
        columnTypes: [ColumnTypeEnum.Text, ColumnTypeEnum.Int32],
        rows: [['PostgreSQL 15.0', 150000]],
      }),
    }),
};

async function loadWasm() {
  const id = '@prisma/schema-engine-wasm/schema_engine_bg';
  const glue = await import(id);
  const file = path.join(path.dirname(createRequire(import.meta.url).resolve(id)), 'schema_engine_bg.wasm');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  return glue;
}
const CODES = {
  '3D000': 'P1003',
  '28P01': 'P1000',
  28000: 'P1010',
  ECONNREFUSED: 'P1001',
  ENOENT: 'P1001',
  ENOTFOUND: 'P1001',
  ETIMEDOUT: 'P1001',
};
async function cli(command) {
  log('INFO', command); // Prisma ignores the first stderr line
  try {
    if (command === 'can-connect-to-database') await withClient(ds.url, undefined, (c) => c.query('SELECT 1'));
    else if (command === 'create-database') await createDatabase();
    else if (command === 'drop-database') await asAdmin((c) => c.query(`DROP DATABASE IF EXISTS ${ident(target())}`));
    else throw new Error(`unknown command ${command}`);
  } catch (e) {
    log('ERROR', e.message || e.code, { is_panic: false, error_code: CODES[e.code] ?? 'P1001' });
    process.exitCode = 1;
  }
}
async function serve() {
  const { SchemaEngine } = await loadWasm();
  const datamodels = opt.datamodels?.map((f) => [f, readFileSync(f, 'utf8')]);
  const run = async (fn, via = factory) => {
    // a fresh engine per call
    try {
      return await fn(await SchemaEngine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(via)));
    } finally {
      for (const a of [...live].reverse()) await a.dispose().catch(() => {});
    }
  };
  // Both need the history's schema, which the WASM build can only take from the cache devDiagnostic fills.
  const withHistory = (method) => (p) =>
    run((e) => e.devDiagnostic({ migrationsList: p.migrationsList, filters: p.filters }).then(() => e[method](p)));
  const send = (m) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...m })}\n`);
  const special = {
    createDatabase: async () => {
      await createDatabase();
      return { databaseName: target() };
    },
    ensureConnectionValidity: () => withClient(ds.url, undefined, async () => ({})),
    getDatabaseVersion: () => run((e) => e.version()),
    evaluateDataLoss: withHistory('evaluateDataLoss'),
    createMigration: withHistory('createMigration'),
    diff: async (p) => {
      const r = await run((e) => e.diff(p), [p.from, p.to].every((t) => ['empty', 'schemaDatamodel'].includes(t.tag)) ? offline : factory);
      if (r.stdout) send({ id: 0, method: 'print', params: { content: r.stdout } });
      return r;
    },
  };
  let queue = Promise.resolve();
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { id, method, params } = line.trim() ? JSON.parse(line) : {};
      if (!method) return; // the CLI acknowledging our own `print`
      queue = queue
        .then(() => special[method]?.(params) ?? run((e) => e[method](params)))
        .then(
          (r) => send({ id, result: r ?? null }),
          (e) => {
            const code = CODES[e?.code] ?? e?.code;
            const message = panic ? `schema engine panicked: ${panic}` : String(e?.message ?? e);
            send({
              id,
              error: { code: 4466, message, data: { is_panic: false, message, meta: e?.meta ?? null, ...(code && { error_code: code }) } },
            });
          },
        );
    })
    .on('close', () => queue.then(() => process.exit(0)));
}
if (opt.version) console.log(`schema-engine-wasm ${(await loadWasm()).version()}`);
else if (positionals[0] === 'cli') await cli(positionals[1]);
else await serve();
