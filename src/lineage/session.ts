import pg from 'pg';
import { databaseAddress } from './address';
import { connectionFailure } from './failure';

/** Does some work on a connection of its own that ends with it. Throws what `work` throws, E_DB_DOWN and E_DB_URL. */
export async function withSession<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const address = databaseAddress(url);
  const client = new pg.Client({
    connectionString: address.url,
    connectionTimeoutMillis: 5000,
    application_name: 'mandate db',
    options: '-c timezone=UTC -c search_path=public -c client_min_messages=warning',
  });
  client.on('error', () => undefined); // a lost connection also fails the query that waits for it
  try {
    await client.connect();
  } catch (cause) {
    throw connectionFailure(cause, address.shown);
  }
  try {
    return await work(client);
  } catch (error) {
    throw connectionFailure(error, address.shown);
  } finally {
    await client.end().catch(() => undefined);
  }
}
