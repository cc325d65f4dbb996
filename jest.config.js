const project = (displayName, rest) => ({
  displayName,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript' },
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/docs/node_modules/'],
  ...rest,
});

// Tests of several programs that need no cluster.
const COMPONENT = 'clients|compat|conformance|console|fleet|fuzz|python|sdk|simulator';

export default {
  // Only a test that hangs reaches it, however busy the machine is.
  testTimeout: 180_000,
  projects: [
    project('unit', {
      testMatch: ['<rootDir>/**/*.test.ts'],
      testPathIgnorePatterns: [
        '/node_modules/',
        // Node.js runs them, as in a project of a user.
        '<rootDir>/examples/',
        `<rootDir>/test/(integration|e2e|bench|${COMPONENT})/`,
      ],
    }),
    project('component', {
      testMatch: [`<rootDir>/test/(${COMPONENT})/**/*.test.ts`],
    }),
    project('integration', {
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      globalSetup: '<rootDir>/test/integration/setup.ts',
    }),
    // The folders in test/e2e are tags, each with a target of its own.
    project('e2e', {
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/e2e/setup.ts',
      globalTeardown: '<rootDir>/test/e2e/teardown.ts',
    }),
  ],
};
