import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { until } from './until.ts';

export interface LogLine {
  time: string;
  level: string;
  module: string;
  msg: string;
  phase?: string;
  ports?: { agent: number; metrics: number; debug: number };
}

/** A runtime in its own process, on free ports. */
export interface RuntimeProcess {
  child: ChildProcess;
  agentUrl: string;
  metricsUrl: string;
  debugUrl: string;
  /** Its output so far. Throws if a line of it is no log line. */
  lines: () => LogLine[];
  /** Puts a configuration in force. */
  configure(configuration: Configuration): Promise<void>;
  stop(): Promise<void>;
}

const MAIN = join(import.meta.dirname, '../main.ts');

/** Starts a runtime or a bundle of it, with its files in `directory` and with flags for Node.js. */
export async function startProcess(
  directory: string,
  flags: readonly string[] = [],
  main = MAIN,
): Promise<RuntimeProcess> {
  const child = spawn(process.execPath, [...flags, main], {
    env: {
      TMPDIR: directory,
      POD_UID: 'uid-0',
      BREAKWATER_HOST: '127.0.0.1',
      BREAKWATER_CONFIGURATION_DIRECTORY: directory,
      BREAKWATER_TOKEN_DIRECTORY: directory,
      BREAKWATER_AGENT_PORT: '0',
      BREAKWATER_METRICS_PORT: '0',
      BREAKWATER_CONTROL_PORT: '0',
      BREAKWATER_DEBUG_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const lines = (): LogLine[] =>
    output
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  const started = (): LogLine | undefined => lines().find(({ msg }) => msg === 'Runtime started');
  try {
    await until(() => started() !== undefined, 50_000);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`the runtime did not start: ${output}`, { cause: error });
  }
  const { agent, metrics, debug } = started()!.ports!;
  const debugUrl = `http://127.0.0.1:${debug}`;
  return {
    child,
    agentUrl: `http://127.0.0.1:${agent}`,
    metricsUrl: `http://127.0.0.1:${metrics}`,
    debugUrl,
    lines,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
    configure: async (configuration) => {
      await writeFile(join(directory, 'next'), JSON.stringify(configuration));
      await rename(join(directory, 'next'), join(directory, MOUNTS.configurationKey));
      await until(async () => {
        // The runtime may close a kept connection just when the test uses it again.
        const headers = { connection: 'close' };
        const state = (await (await fetch(`${debugUrl}/debug/state`, { headers })).json()) as {
          configuration: { revision?: Partial<Configuration['revision']> };
        };
        const { term, counter } = state.configuration.revision ?? {};
        return term === configuration.revision.term && counter === configuration.revision.counter;
      });
    },
  };
}
