import { databaseCommands } from '../../src/entry/database';
import { layoutAt } from '../cli/command-line';

test('what --print-roles prints is one statement a line, each ended once', () => {
  const layout = layoutAt('/nonexistent/mandate.sock');
  const sql = databaseCommands.rolesSql({ layout, databaseUrl: undefined, ownerUrl: undefined });
  const lines = sql.split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) expect(line).toMatch(/^(CREATE|REVOKE|GRANT|ALTER) [^;]*;$/);
});
