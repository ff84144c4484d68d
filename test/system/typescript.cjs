// Lets a child node of the tests run our sources as they are: node -r this-file script.ts
const { transformFileSync } = require('@swc/core');
const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } };
require.extensions['.ts'] = (module, file) => module._compile(transformFileSync(file, options).code, file);
