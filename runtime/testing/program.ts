import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { configuration } from './configuration.ts';
import type { Parts } from './resolved.ts';
import { startRuntime } from './runtime.ts';
import type { StartedRuntime } from './runtime.ts';
import { until } from './until.ts';

/** Token of the local API. */
export const PROGRAM_TOKEN = 'token-of-the-program-0123456789';

export interface StartedProgram extends StartedRuntime {
  /** Port of the program. */
  port: number;
  /** URL of the local API. */
  localUrl: string;
  /** The program's process; another one after `restart`. */
  child: ChildProcess;
  /** Starts the program, after it has ended. */
  restart: () => Promise<void>;
  /** Sends a request to the local API. */
  local: (path: string, init?: RequestInit) => Promise<Response>;
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a runtime and the program of programChild.ts beside it, and waits until the pod is ready. */
export async function startWithProgram(
  modelUrl: string,
  content: Parts<Content> = {},
  options: Parameters<typeof startRuntime>[2] & { host?: string } = {},
): Promise<StartedProgram> {
  const port = await freePort();
  const { host = '127.0.0.1', ...given } = options;
  const spec = { port, tools: { path: '/mcp' }, http: { paths: ['/'] }, ...content.program };
  const whole = configuration(modelUrl, { ...content, program: spec });
  const started = await startRuntime(undefined, undefined, given);
  await started.mount(MOUNTS.programTokenKey, PROGRAM_TOKEN);
  await started.mount(MOUNTS.configurationKey, JSON.stringify(whole));
  await until(() => started.runtime.ports().program > 0);
  const localUrl = `http://127.0.0.1:${started.runtime.ports().program}`;
  const launch = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'programChild.ts')], {
      env: {
        ...{ PORT: String(port), HOST: host },
        ...{ BREAKWATER_URL: localUrl, BREAKWATER_TOKEN: PROGRAM_TOKEN },
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await once(child, 'message');
    return child;
  };
  const ready = (): Promise<void> =>
    until(async () => (await fetch(`${started.metricsUrl}/health/ready`)).ok);
  const program: StartedProgram = {
    ...{ ...started, port, localUrl },
    child: await launch(),
    restart: async () => {
      program.child = await launch();
      await ready();
    },
    local: (path, init = {}) =>
      fetch(`${localUrl}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${PROGRAM_TOKEN}`, ...init.headers },
      }),
    stop: async () => {
      program.child.kill('SIGKILL');
      await started.stop();
    },
  };
  await ready();
  return program;
}
