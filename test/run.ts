/**
 * Runs jest projects: `node test/run.ts LABEL [jest arguments]`. Test files that fail run once more, one at a
 * time; those that pass then are named as flaky. At the end it names the slowest tests. RESULTS_DIR takes what ran
 * as LABEL.json, with the names of failed and flaky tests, for .ci/summary.js.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';

/** What jest writes of one test file. */
interface FileResult {
  name: string;
  status: 'passed' | 'failed';
  message: string;
  assertionResults: { fullName: string; status: string; duration?: number | null }[];
}

interface Results {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: FileResult[];
}

const SLOWEST = 5;
const JEST = join(
  dirname(createRequire(import.meta.url).resolve('jest/package.json')),
  'bin/jest.js',
);

/** Runs jest to its end. Its results are undefined when it ended without writing any, as when its set-up failed. */
async function jest(args: readonly string[]): Promise<Results | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-results-'));
  const file = join(directory, 'results.json');
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(
    process.execPath,
    [...node, JEST, ...args, '--json', `--outputFile=${file}`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const end = (): void => void child.kill();
  process.once('SIGTERM', end);
  try {
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const results = text === undefined ? undefined : (JSON.parse(text) as Results);
    // A tear-down that fails shows only in the exit code.
    if (results && code !== 0 && failedFiles(results).length === 0)
      results.numRuntimeErrorTestSuites++;
    return results;
  } finally {
    process.off('SIGTERM', end);
    await rm(directory, { recursive: true, force: true });
  }
}

const failedFiles = ({ testResults }: Results): FileResult[] =>
  testResults.filter(({ status }) => status === 'failed');

/** The results of the first run, with those of the files that ran again in place of theirs. */
function merge(first: Results, second: Results): Results {
  const again = new Set(second.testResults.map(({ name }) => name));
  const kept = first.testResults.filter(({ name }) => !again.has(name));
  const testResults = [...kept, ...second.testResults];
  const count = (status: string): number =>
    testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter((one) => one.status === status).length;
  return {
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numRuntimeErrorTestSuites: second.numRuntimeErrorTestSuites,
    testResults,
  };
}

const path = (name: string): string => relative(process.cwd(), name);

/** A line for each test of a file that failed, or one for a file that did not get as far as its tests. */
function failedTests({ name, assertionResults }: FileResult): string[] {
  const tests = assertionResults.filter(({ status }) => status === 'failed');
  if (tests.length === 0) return [`  ${path(name)}`];
  return tests.map(({ fullName }) => `  ${path(name)}: ${fullName}`);
}

function say(heading: string, lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(`\n${heading}\n${lines.join('\n')}\n`);
}

function slowest({ testResults }: Results): string[] {
  return testResults
    .flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ fullName, duration }) => ({ name, fullName, ms: duration ?? 0 })),
    )
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST)
    .map(
      ({ name, fullName, ms }) =>
        `  ${(ms / 1000).toFixed(1).padStart(6)} s  ${path(name)}: ${fullName}`,
    );
}

const [label = '', ...args] = process.argv.slice(2);
let results = await jest(args);
let flaky: string[] = [];
const failed = results === undefined ? [] : failedFiles(results);
if (results !== undefined && failed.length > 0) {
  say(
    'These files failed and run once more, one at a time:',
    failed.map(({ name }) => `  ${path(name)}`),
  );
  const project = args.filter((_, index) => args[index - 1] === '--selectProjects');
  const second = await jest([
    ...project.flatMap((name) => ['--selectProjects', name]),
    '--runInBand',
    // A test that fails may leave sockets open.
    '--forceExit',
    '--runTestsByPath',
    ...failed.map(({ name }) => name),
  ]);
  if (second !== undefined) {
    const still = new Set(failedFiles(second).map(({ name }) => name));
    flaky = failed.filter(({ name }) => !still.has(name)).flatMap(failedTests);
    say('FLAKY: failed at first, passed alone:', flaky);
    results = merge(results, second);
  }
}
if (results !== undefined) {
  say('Slowest tests:', slowest(results));
  const { RESULTS_DIR } = process.env;
  if (RESULTS_DIR) {
    const red = failedFiles(results).flatMap(failedTests);
    const file = join(RESULTS_DIR, `${label}.json`);
    await writeFile(file, JSON.stringify({ ...results, failed: red, flaky }));
  }
}
process.exitCode =
  results !== undefined && results.numFailedTests + results.numRuntimeErrorTestSuites === 0 ? 0 : 1;
