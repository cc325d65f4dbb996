import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Imports go one way; see docs/architecture.md. Files in `from` may not import what `forbidden` matches. */
const boundary = (files, ignores, forbidden, message) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ regex: forbidden, message }] }] },
});

const CLIENT_NODE = '^@kubernetes/client-node';
const TESTS = ['**/*.test.ts'];

export default tseslint.config(
  { ignores: ['dist/', '**/generated/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
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
    },
  },
  {
    files: TESTS,
    rules: { complexity: 'off', '@typescript-eslint/no-floating-promises': 'error' },
  },
  {
    // Runs as it is in a container, by Node.js.
    files: ['charts/**/*.js'],
    languageOptions: {
      globals: { console: false, fetch: false, process: false, setTimeout: false },
    },
  },
  boundary(
    ['contract/**/*.ts', 'crds/**/*.ts'],
    [],
    `/(operator|runtime|cli|test)/|${CLIENT_NODE}`,
    'contract and crds stand below everything else.',
  ),
  boundary(
    ['runtime/**/*.ts'],
    ['runtime/resilience/**'],
    `/(operator|cli|test)/|${CLIENT_NODE}`,
    'The runtime knows neither the operator nor Kubernetes.',
  ),
  boundary(
    ['runtime/resilience/**/*.ts'],
    TESTS,
    '^(?!\\./)',
    'resilience/ is pure and has no dependencies.',
  ),
  boundary(
    ['operator/**/*.ts'],
    ['operator/kube/**', 'operator/desired/**'],
    `/(runtime|cli|test)/|${CLIENT_NODE}`,
    'Only operator/kube talks to client-node; operator and runtime meet in contract.',
  ),
  boundary(
    ['operator/desired/**/*.ts'],
    TESTS,
    `/(runtime|cli|test|kube|links|reconcile|status)/|${CLIENT_NODE}|^(node:)?(fs|net|http|https|tls)$`,
    'desired/ is pure.',
  ),
  boundary(
    ['operator/kube/**/*.ts'],
    [],
    '/(runtime|cli|test|links|reconcile|status|desired)/',
    'kube/ knows Kubernetes, not Breakwater.',
  ),
  boundary(
    ['cli/**/*.ts'],
    TESTS,
    `/(test|links|reconcile|status)/|${CLIENT_NODE}`,
    'The command joins what operator/desired resolves with the runtime, and asks clusters by operator/kube.',
  ),
);
