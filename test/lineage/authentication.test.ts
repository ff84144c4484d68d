import pg from 'pg';

/** Of the cluster that the tests run on: started by the product's own code (test/global-setup.ts). */
const { urls } = JSON.parse(process.env['MANDATE_TEST_DATABASE']!) as { urls: { server: string } };

async function outcome(change: (url: URL) => void): Promise<string> {
  const url = new URL(urls.server);
  change(url);
  const client = new pg.Client({ connectionString: url.toString() });
  try {
    await client.connect();
    return 'connected';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

// docs/adr/0003-database-authentication.md
test.each([
  ['the password of the role', () => undefined, 'connected'],
  ['another password', (url: URL) => void (url.password = 'x'.repeat(43)), '28P01'],
  ['no password', (url: URL) => void (url.password = ''), expect.stringContaining('password')],
  ['the superuser, who has none', (url: URL) => void (url.username = 'postgres'), '28P01'],
])('the embedded cluster and %s', async (_what, change, expected) => {
  expect(await outcome(change)).toEqual(expected);
});
