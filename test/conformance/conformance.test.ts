/** The client of MCP against the conformance suite of the protocol. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

// Each scenario starts two processes.
jest.setTimeout(60_000);

const PACKAGE = createRequire(import.meta.url).resolve(
  '@modelcontextprotocol/conformance/package.json',
);
const SUITE = join(dirname(PACKAGE), 'dist/index.js');
const CLIENT = join(import.meta.dirname, 'client.ts');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'conformance-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function run(scenario: string): Promise<{ code: number | null; output: string }> {
  const command = `${process.execPath} ${CLIENT}`;
  const options = ['--command', command, '--scenario', scenario, '-o', directory];
  const child = spawn(process.execPath, [SUITE, 'client', ...options], {
    cwd: directory,
    env: { PATH: process.env['PATH'], NO_COLOR: '1' },
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

// Without authorization, which the runtime leaves to headers of the spec; without sse-retry, as it resumes no stream; and
// without scenarios that answer input_required.
it.each([
  'initialize',
  'tools_call',
  'request-metadata',
  'http-standard-headers',
  'http-custom-headers',
  'http-invalid-tool-headers',
  'json-schema-ref-no-deref',
  'json-schema-2020-12-preservation',
])('the scenario %s passes', async (scenario) => {
  const { code, output } = await run(scenario);
  expect(output).toContain('OVERALL: PASSED');
  expect(code).toBe(0);
});
