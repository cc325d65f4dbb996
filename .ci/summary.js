// Prints the tests that failed, those that passed only at their second run, and `N passed, N failed` over the JSON
// results that test/run.ts left in a directory. A failed step that is no test (lint, types, drift) counts as one failure.
// Exits 1 when anything failed or no test ran.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const [directory, status] = process.argv.slice(2);
let passed = 0;
let failed = 0;
const named = { FAILED: [], 'FLAKY: failed at first, passed alone': [] };
for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
  const result = JSON.parse(readFileSync(join(directory, file), 'utf8'));
  passed += result.numPassedTests;
  failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
  named.FAILED.push(...result.failed);
  named['FLAKY: failed at first, passed alone'].push(...result.flaky);
}
if (status !== '0' && failed === 0) failed = 1;
for (const [heading, tests] of Object.entries(named))
  if (tests.length > 0) process.stdout.write(`${heading}\n${tests.join('\n')}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
