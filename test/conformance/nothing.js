/** In place of a set-up that the chosen suites do not need. */
module.exports = () => undefined;
