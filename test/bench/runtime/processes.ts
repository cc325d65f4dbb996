/** Gateways as processes, each on a core of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOnce, cacheDirectory } from '../../cluster/common/cache.ts';
import { run } from '../../cluster/common/command.ts';
import type { Target } from './load.ts';

/** Characters of a process's error output that are shown. */
const MAX_COMPLAINT = 2_000;
/** Core of the measured process. Endpoint and load use the other one. */
const GATEWAY_CORE = 0;
export const LOAD_CORE = 1;
const READY_MS = 120_000;

export interface Gateway {
  name: string;
  /** Where and how to send requests, without a body. */
  target: Omit<Target, 'body'>;
  process: ChildProcess;
  /** Milliseconds from process start until the gateway answers. */
  startMs: number;
  stop(): Promise<void>;
}

/** A virtual environment of the name with a package. */
export async function pythonPackage(name: string, requirement: string): Promise<string> {
  // A virtual environment contains its own path, so it is created in its final place.
  const environment = join(cacheDirectory(), 'bench', name);
  await buildOnce(join(environment, 'done'), async () => {
    await mkdir(environment, { recursive: true });
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin/pip'), ['install', '--quiet', requirement]);
  });
  return environment;
}

/** A gateway that deletes its directory when it stops. */
export function stopping(gateway: Gateway, directory: string): Gateway {
  const stop = async (): Promise<void> => {
    await gateway.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { ...gateway, stop };
}

export async function start(
  name: string,
  command: string[],
  {
    port,
    ready = '/',
    headers = {},
    env = {},
  }: { port: number; ready?: string; headers?: Record<string, string>; env?: NodeJS.ProcessEnv },
): Promise<Gateway> {
  const began = performance.now();
  const child = spawn('taskset', ['-c', String(GATEWAY_CORE), ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_ENV: 'production', LOG_LEVEL: 'error', NODE_OPTIONS: '', ...env },
  });
  const complaint = tail(child);
  const startMs = await answering(child, `http://127.0.0.1:${port}${ready}`, began).catch(
    (error: unknown) => {
      throw new Error(`${name} did not start: ${complaint()}`, { cause: error });
    },
  );
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  const target = { port, path: '/v1/messages', headers: { 'x-api-key': 'key', ...headers } };
  return { name, target, process: child, startMs, stop };
}

/** Keeps the end of a process's error output. All of it would hide the figures if every request fails. */
function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-MAX_COMPLAINT);
  });
  return () => text;
}

/** Milliseconds from `began` until the address answers anything. */
async function answering(child: ChildProcess, url: string, began: number): Promise<number> {
  let exited = false;
  child.once('exit', () => (exited = true));
  while (performance.now() - began < READY_MS) {
    if (exited) throw new Error(`the process for ${url} has ended`);
    try {
      const response = await fetch(url, { headers: { connection: 'close' } });
      await response.arrayBuffer();
      if (response.status < 500) return performance.now() - began;
    } catch {
      // Not up yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${url} does not answer`);
}
