import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MAKEFILE = `
good:
	@echo good begins; echo good ends >&2
bad:
	@echo bad begins; exit 3
never:
	@echo never begins
	@sleep 600
`;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'beside-'));
  await writeFile(join(directory, 'Makefile'), MAKEFILE);
});
afterEach(() => rm(directory, { recursive: true }));

/** Runs the targets, and ends the run with a signal at its first output if one is given. */
async function beside(targets: [string, string], signal?: NodeJS.Signals) {
  const main = join(import.meta.dirname, 'beside.ts');
  const child = spawn(process.execPath, [main, ...targets], { cwd: directory });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (signal && !child.killed) child.kill(signal);
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, printed };
}

it('targets beside one another succeed when all of them do', async () => {
  const { code, printed } = await beside(['good good', 'good']);
  expect(code).toBe(0);
  expect(printed.match(/good begins/g)).toHaveLength(3);
  expect(printed).toMatch(/==> make good: done in \d+ s\ngood (begins|ends)\ngood (begins|ends)\n/);
});

it.each<[string, string]>([
  ['bad never', 'good'],
  ['good', 'bad never'],
])(
  'a target that fails beside others fails them all, and keeps those after it from running: %s, %s',
  async (...targets) => {
    const { code, printed } = await beside(targets);
    expect(code).toBe(1);
    expect(printed).toContain('bad begins');
    expect(printed).toContain('good begins');
    expect(printed).not.toContain('never');
  },
);

it('targets beside one another end with the process that runs them', async () => {
  const { code, printed } = await beside(['never good', 'never good'], 'SIGTERM');
  expect(code).toBe(1);
  expect(printed).toContain('never begins');
  expect(printed).not.toContain('good begins');
});
