/**
 * Resolves with the first value that is neither undefined nor false. Real processes are waited for, so the limit only tells a test that
 * hangs from one that is slow: it never decides one that passes.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 60_000,
): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const askedAt = Date.now();
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`waited ${limitMs / 1000} s for ${what}`);
    // As long as it took to ask: whoever asks by a command leaves half of the time to what is waited for.
    await new Promise((resolve) => setTimeout(resolve, Math.max(20, Date.now() - askedAt)));
  }
}
