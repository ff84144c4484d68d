/** As root PostgreSQL runs under a numeric uid without an account, so that every test run takes the way through the user namespace. */
export const databaseAccount = (): { as: { uid: number; gid: number } } | undefined =>
  process.getuid?.() === 0 ? { as: { uid: 54321, gid: 54321 } } : undefined;
