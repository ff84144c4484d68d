import { setFlagsFromString } from 'node:v8';

/**
 * By major version of Node.js: after how much use a function is watched and compiled for speed, and how soon again after what it is called with has changed.
 * Lower still, a crowd that comes right after a start finds the compiler at work. Unknown flags would be complained about, so a version that is not
 * listed keeps what V8 does by itself; from Node.js 24 on that is soon enough.
 */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  '20': [
    '--interrupt-budget-for-feedback-allocation=300',
    '--interrupt-budget-factor-for-feedback-allocation=3',
    '--interrupt-budget=10000',
    '--minimum-invocations-after-ic-update=10',
  ],
  '22': ['--invocation-count-for-feedback-allocation=3', '--invocation-count-for-turbofan=400', '--minimum-invocations-after-ic-update=10'],
};

/**
 * Has V8 compile for speed what ran some dozens of times. It waits for thousands, which a part that serves a few newcomers a minute reaches after days: until then
 * each of them waits for code that is interpreted. To be called when a part has started, so that what runs once is not compiled (ADR 0036).
 */
export function compileEarly(): void {
  const [major = ''] = process.versions.node.split('.');
  for (const flag of FLAGS[major] ?? []) setFlagsFromString(flag);
}
