import path from 'node:path';
import { defineConfig } from 'prisma/config';

// No engine download: the CLI drives Prisma's own WASM schema engine through this script.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= path.join(process.cwd(), 'tools/schema-engine.mjs');

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://postgres@localhost:5432/mandate' },
});
