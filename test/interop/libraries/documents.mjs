// What is published, beside the library whose leaf is at hand.
import { curlFetches, keepBundle, opensslVerifies, spiffeBundleParses } from '../documents.mjs';

/** Judges the documents now; the answer, called after a restart, shows that they did not change, and writes the cell. */
export async function documents(crew) {
  const client = crew.clients.find(({ name }) => name === 'go-spiffe');
  if (client === undefined) return () => Promise.resolve();
  const { mandate, results } = crew;
  const before = (async () => {
    const bundleFile = await keepBundle(mandate);
    const openssl = await opensslVerifies(mandate, bundleFile, client.leaf);
    const read = await spiffeBundleParses(mandate, client.command, await curlFetches(mandate, bundleFile));
    return { bundleFile, remark: `${openssl}; ${read}` };
  })();
  await before.catch(() => undefined);
  return () =>
    results.cell('go-spiffe', 'documents', async () => {
      const { bundleFile, remark } = await before;
      await curlFetches(mandate, bundleFile);
      return remark;
    });
}
