'use strict';
/** Lets a plain node run these sources: `node -r ./test/faults/register.js FILE.ts`. */
const { transformFileSync } = require('@swc/core');

const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' }, sourceMaps: 'inline' };
require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
