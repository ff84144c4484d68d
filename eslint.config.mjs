import tseslint from 'typescript-eslint';

/** Which folders of src a folder may import from. Dependencies point one way (docs/adr/0001-layers.md). */
const layers = {
  domain: [],
  wire: ['domain', 'generated'],
  system: ['domain'],
  authority: ['domain', 'system'],
  lineage: ['domain', 'system', 'generated'],
  verify: ['domain'],
  service: ['domain', 'wire', 'verify', 'generated'],
  supervisor: ['domain', 'system'],
  node: ['domain', 'wire', 'system', 'verify', 'generated'],
  server: ['domain', 'wire', 'system', 'verify', 'generated'],
  cli: ['domain', 'wire', 'system', 'verify', 'generated'],
};
const folders = [...Object.keys(layers), 'generated'];
const layerRules = Object.entries(layers).map(([folder, allowed]) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${folders.filter((f) => f !== folder && !allowed.includes(f)).join('|')}|main)(/|$)`,
            message: `src/${folder} may import from ${allowed.join(', ') || 'itself'} only`,
          },
          { regex: '^(\\.\\./)+attestors/', message: 'attestors are wired in main.ts' },
        ],
      },
    ],
  },
}));

const ambient = 'time and randomness come from Clock and Random (domain/ports.ts)';

export default tseslint.config(
  { ignores: ['dist/', 'src/generated/', 'node_modules/', 'test/types/must-not-compile/', 'test/interop/', 'coverage/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', '*.mjs', '*.ts', 'tools/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
  },
  { files: ['**/*.mjs', '**/*.js', '*.ts'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['**/*.js'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['src/**/*.ts', 'attestors/**/*.ts'],
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unused-private-class-members': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        { name: 'performance', message: ambient },
        { name: 'setTimeout', message: ambient },
        { name: 'setInterval', message: ambient },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: ambient },
        { object: 'Math', property: 'random', message: ambient },
        { object: 'crypto', property: 'randomBytes', message: ambient },
        { object: 'crypto', property: 'randomUUID', message: ambient },
        { object: 'process', property: 'hrtime', message: ambient },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: ambient },
        { selector: 'ImportSpecifier[imported.name=/^(randomBytes|randomUUID|randomInt|randomFill|randomFillSync)$/]', message: ambient },
        { selector: 'ImportDeclaration[source.value=/^node:timers/]', message: ambient },
      ],
    },
  },
  ...layerRules,
  {
    files: ['attestors/**/*.ts'],
    ignores: ['attestors/**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^(\\.\\./)+src/(?!domain/)', message: 'attestors see the domain only' },
            { regex: '^\\./', message: 'attestors do not know each other' },
          ],
        },
      ],
    },
  },
  {
    files: ['src/system/clock.ts', 'src/system/random.ts'],
    rules: { 'no-restricted-globals': 'off', 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' },
  },
  {
    files: ['src/main.ts', 'src/entry/**/*.ts', 'src/cli/**/*.ts'],
    rules: { '@typescript-eslint/no-require-imports': 'off' }, // imported on use: a command loads only its own code
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts', 'attestors/**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
);
