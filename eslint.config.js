import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { layers } from './lint/importRules.ts';
import { LAYERS } from './lint/layers.ts';

const TESTS = ['**/*.test.ts'];

export default tseslint.config(
  { ignores: ['dist/', '**/generated/', '**/node_modules/', 'docs/.vitepress/cache/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      complexity: ['error', 10],
      'max-depth': ['error', 3],
      eqeqeq: 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: ':not(MethodDefinition[kind="constructor"])[accessibility]',
          message: 'Name a private member #like this, and leave out `public`.',
        },
      ],
    },
  },
  {
    files: TESTS,
    rules: {
      complexity: 'off',
      '@typescript-eslint/no-floating-promises': 'error',
      'no-restricted-imports': [
        'error',
        {
          name: 'fast-check',
          message: 'Import test/property.ts, which tries the same cases in every run.',
        },
      ],
    },
  },
  {
    // node:test waits for its tests by itself.
    files: ['examples/**/*.test.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: 'test', package: 'node:test' }] },
      ],
    },
  },
  {
    // Runs as it is, by Node.js.
    files: ['charts/**/*.js', 'sdk/*.js'],
    languageOptions: {
      globals: { console: false, fetch: false, process: false, setTimeout: false },
    },
  },
  {
    // lint/layers.ts has the table; docs/architecture.md draws it.
    files: ['**/*.ts'],
    plugins: { layers },
    // Part of the key of ESLint's cache, so that a change of the table has every file checked anew.
    settings: { layers: LAYERS },
    rules: { 'layers/imports': 'error', 'layers/cycles': 'error' },
  },
);
