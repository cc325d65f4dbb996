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
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  ...rest,
});

const cluster = {
  globalSetup: '<rootDir>/test/e2e/setup.ts',
  globalTeardown: '<rootDir>/test/e2e/teardown.ts',
};

export default {
  // Only a test that hangs reaches it, however busy the machine is.
  testTimeout: 180_000,
  projects: [
    project('unit', {
      testMatch: ['<rootDir>/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/(integration|e2e|compat|bench)/'],
    }),
    project('integration', {
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      globalSetup: '<rootDir>/test/integration/setup.ts',
    }),
    project('e2e', { testMatch: ['<rootDir>/test/e2e/*.test.ts'], ...cluster }),
    // These touch the operator itself, or need the machine for themselves.
    project('e2e-alone', {
      testMatch: ['<rootDir>/test/{e2e/alone,compat}/*.test.ts'],
      ...cluster,
    }),
    project('e2e-keda', { testMatch: ['<rootDir>/test/e2e/keda/*.test.ts'], ...cluster }),
    project('e2e-argocd', { testMatch: ['<rootDir>/test/e2e/argocd/*.test.ts'], ...cluster }),
  ],
};
