/** What `breakwater init` writes: its tests pass, and it serves beside the local API. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { freePort } from '../../cli/local/freePort.ts';
import { readManifests } from '../../cli/manifests/files.ts';
import { Inventory } from '../../cli/manifests/inventory.ts';
import { checks } from '../../cli/manifests/kinds.ts';
import { until } from '../../runtime/testing/until.ts';
import { run } from '../cluster/common/command.ts';
import { pythonEnvironment } from '../python/environment.ts';
import { LocalRuntime } from './localRuntime.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/.bin/node');

let directory: string;

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'init-')), 'orders');
});
afterEach(async () => {
  await rm(join(directory, '..'), { recursive: true, force: true });
});

const init = (language: string): Promise<string> =>
  run(NODE, [join(ROOT, 'cli/main.ts'), 'init', directory, '--language', language]);

/** The packages of this checkout, in place of what `npm install` fetches. */
async function install(): Promise<void> {
  const modules = join(directory, 'node_modules');
  await mkdir(join(modules, '@breakwater'), { recursive: true });
  await symlink(join(directory, 'vendor/agent'), join(modules, '@breakwater/agent'));
  for (const name of ['zod', '@anthropic-ai', '@modelcontextprotocol']) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
}

/** Whether the program registers, with its tools, and ends when it is told to. */
async function serves(file: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const runtime = new LocalRuntime();
  await runtime.start();
  const PORT = String(await freePort(21_000));
  const child = spawn(file, args, {
    cwd: directory,
    env: { ...env, PORT, BREAKWATER_URL: runtime.url, BREAKWATER_TOKEN: runtime.token },
    stdio: 'inherit',
  });
  try {
    const first = ['PUT /v1/health', 'PUT /v1/program'];
    await until(() => first.every((each) => runtime.of(each).length > 0));
    expect(runtime.of('PUT /v1/program')[0]!.body).toHaveProperty('toolsRevision');
    expect(runtime.of('PUT /v1/health')[0]!.body).toMatchObject({ state: 'Passing' });
    child.kill('SIGTERM');
    await until(() => child.exitCode === 0);
  } finally {
    child.kill('SIGKILL');
    await runtime.stop();
  }
}

describe('breakwater init', () => {
  it('writes a program in TypeScript whose tests pass, which serves, and whose types are sound', async () => {
    const said = await init('typescript');
    expect(said).toContain('npm install');
    await install();
    const env = { PATH: process.env['PATH'] };
    expect(await run(NODE, ['--test'], { cwd: directory, env })).toContain('pass 2');
    await run(NODE, [
      join(ROOT, 'node_modules/typescript/bin/tsc'),
      '--typeRoots',
      join(ROOT, 'node_modules/@types'),
      '--types',
      'node',
      '-p',
      directory,
    ]);
    await serves(NODE, ['program.ts'], env);
  });

  it('writes a program in Python whose tests pass, and which serves', async () => {
    expect(await init('python')).toContain('python -m unittest');
    const env = await pythonEnvironment();
    const sdk = join(directory, 'vendor/breakwater_agent');
    const withSdk = { ...env, PYTHONPATH: `${sdk}:${env['PYTHONPATH']}` };
    await run('python3', ['-m', 'unittest'], { cwd: directory, env: withSdk });
    await serves('python3', ['program.py'], withSdk);
  });

  it.each(['typescript', 'python'])(
    'has a manifest in examples/%s that is accepted',
    async (language) => {
      const inventory = new Inventory(checks(), () => new Date());
      const { faults } = inventory.load(
        await readManifests(join(ROOT, 'examples', language, 'agent.yaml')),
      );
      expect(faults).toEqual([]);
    },
  );

  it('writes into no folder that has files', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'mine'), '');
    await expect(init('python')).rejects.toThrow('is not empty; name a new folder');
  });
});
