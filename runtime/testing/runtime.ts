import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { PeerAccess } from '../peers/peers.ts';
import type { Configuration } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { systemClock } from '../guard/clock.ts';
import { proxyEnvironment } from '../network/proxies.ts';
import { NO_ENVIRONMENT } from '../../tracing/settings.ts';
import type { TracingEnvironment } from '../../tracing/settings.ts';
import type { RuntimeOptions } from '../options.ts';
import { Runtime } from '../runtime.ts';

export interface StartedRuntime {
  runtime: Runtime;
  /** Directory of the mounted files, with the token. */
  directory: string;
  /** Base URL of the agent's API. */
  url: string;
  metricsUrl: string;
  debugUrl: string;
  logs: string[];
  /** Lines of the audit on standard output. */
  audited: string[];
  /** Writes a file into the mounted directory. */
  mount(name: string, text: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a runtime on free ports. */
export async function startRuntime(
  configuration?: Configuration,
  authority?: string,
  options: {
    peers?: Partial<PeerAccess>;
    pod?: RuntimeOptions['pod'];
    tracing?: TracingEnvironment;
    /** The pod's token. */
    token?: string;
    /** Variables that name proxies. */
    env?: Record<string, string>;
  } & Pick<RuntimeOptions, 'mounts' | 'formerPath' | 'toolListsDirectory'> = {},
): Promise<StartedRuntime> {
  const { peers, pod, tracing, token = 'token-of-the-pod', env = {}, ...given } = options;
  const directory = await mkdtemp(join(tmpdir(), 'runtime-'));
  const mount = async (name: string, text: string): Promise<void> => {
    // At once, as the kubelet does: a reader must never see half a file.
    const next = `${directory}.${name}`;
    await writeFile(next, text);
    await rename(next, join(directory, name));
  };
  await mount(MOUNTS.tokenKey, `${token}\n`);
  if (configuration) await mount(MOUNTS.configurationKey, JSON.stringify(configuration));
  if (authority !== undefined) await mount(MOUNTS.authorityKey, authority);
  const logs: string[] = [];
  const audited: string[] = [];
  const runtime = new Runtime({
    pod: pod ?? { namespace: 'default', name: 'triage-0', uid: 'uid-0' },
    version: '0.0.0-test',
    ports: { agent: 0, metrics: 0, control: 0, debug: 0, program: 0 },
    configurationDirectory: directory,
    tokenDirectory: directory,
    statePath: join(directory, 'state.json'),
    toolListsDirectory: join(directory, 'tools'),
    ...given,
    auditQueueDirectory: join(directory, 'audit-queue'),
    auditHeadPath: join(directory, 'audit-head.json'),
    peers: {
      self: '127.0.0.1',
      resolve: () => Promise.resolve([]),
      locate: (address) => address,
      ...peers,
    },
    maxConversationBytes: 16 * 1024 * 1024,
    maxCacheBytes: 16 * 1024 * 1024,
    maxProgramCacheBytes: 4 * 1024 * 1024,
    maxToolResultBytes: 1024 * 1024,
    proxies: proxyEnvironment(env),
    tracing: tracing ?? NO_ENVIRONMENT,
    writeOut: (text) => {
      audited.push(...text.split('\n').filter((line) => line !== ''));
      return Promise.resolve();
    },
    clock: systemClock,
    log: pino({ level: 'debug' }, { write: (line: string) => void logs.push(line) }),
    filePollMs: 50,
  });
  await runtime.start();
  const { agent, metrics, debug } = runtime.ports();
  return {
    runtime,
    directory,
    url: `http://127.0.0.1:${agent}`,
    metricsUrl: `http://127.0.0.1:${metrics}`,
    debugUrl: `http://127.0.0.1:${debug}`,
    logs,
    audited,
    mount,
    stop: async () => {
      await runtime.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
