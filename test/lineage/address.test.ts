import { MandateError } from '../../src/domain/errors';
import { databaseAddress } from '../../src/lineage/address';

test.each([
  ['postgres://r@h/d', 'r', 'd', 'd at h'],
  ['postgresql://r:p@h:5433/d?sslmode=verify-full', 'r', 'd', 'd at h:5433'],
  ['postgresql://r%40x:p@localhost:5432/d%20e?host=%2Frun%2Fdb', 'r@x', 'd e', 'd e at /run/db'],
  ['postgresql://r:p@h/d?schema=public&connection_limit=5', 'r', 'd', 'd at h'],
])('%s is usable', (text, role, database, shown) => {
  expect(databaseAddress(text)).toMatchObject({ role, database, shown });
  expect(databaseAddress(text).url).not.toMatch(/schema|connection_limit/);
});

test.each([
  ['', 'it is not a URL'],
  ['hunter2', 'it is not a URL'],
  ['mysql://r:hunter2@h/d', 'its scheme is neither postgres nor postgresql'],
  ['postgres://:hunter2@h/d', 'it names no role'],
  ['postgres://r:hunter2@h', 'it names no database'],
  ['postgres://r:hunter2@h/', 'it names no database'],
  ['postgres://r:hunter2@h/a/b', 'it names no database'],
  ['postgres://r:hunter2@h/d?schema=other', 'the lineage lives in the schema public'],
  ['postgres://r:hunter2@h/d?options=-c%20fsync%3Doff', 'the parameter options is not accepted'],
  ['postgres://r:hunter2@h/d?user=postgres', 'the parameter user is not accepted'],
  ['postgres://r:hunter2%zz@h/d', 'it holds a broken percent escape'],
  [`postgres://r:hunter2@h/${'d'.repeat(5000)}`, 'it is longer than 4096 bytes'],
])('%.40s is refused: %s', (text, why) => {
  let thrown: unknown;
  try {
    databaseAddress(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(MandateError);
  expect(thrown).toMatchObject({ code: 'E_DB_URL', explanation: { why } });
  expect(JSON.stringify([thrown, (thrown as Error).stack, (thrown as Error).cause])).not.toContain('hunter2');
});
