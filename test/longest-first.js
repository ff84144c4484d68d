const { readFileSync } = require('node:fs');
const { default: Sequencer } = require('@jest/test-sequencer');

/** What a suite imports that starts the program, or a database of its own. */
const STARTS = /from '[./\w-]*\/(?:running\/(?!scratch|seeded)|running'|served-installation'|scratch-cluster'|trial'|our-mandate')/;

/**
 * Where nothing is known of earlier runs, as in CI, suites that start the program come first: they take longer than their size says, and
 * one that came last would be waited for by a machine that does nothing else. Jest itself goes by durations, and by size without them.
 */
module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort([...tests]);
    const first = sorted.filter((test) => test.duration === undefined && STARTS.test(readFileSync(test.path, 'utf8')));
    return [...first, ...sorted.filter((test) => !first.includes(test))];
  }
};
