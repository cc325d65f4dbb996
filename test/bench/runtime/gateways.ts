/** The compared gateways. Each is a process on its own core, with the configuration that does the least. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Circuit, Configuration, Content, Limit } from '../../../contract/generated/types.ts';
import { buildOnce, cacheDirectory } from '../../cluster/common/cache.ts';
import { run } from '../../cluster/common/command.ts';
import { imageStart } from './image.ts';
import type { Target } from './load.ts';

/** Characters of a process's error output that are shown. */
const MAX_COMPLAINT = 2_000;
/** Core of the measured process. Endpoint and load use the other one. */
export const GATEWAY_CORE = 0;
export const LOAD_CORE = 1;

const PORTKEY = '1.15.2';
/**
 * The version that Portkey's release works with. It cannot stream with 1.14.2 and newer (Portkey-AI/gateway issue
 * 1389).
 */
const PORTKEY_NODE_SERVER = '1.13.8';
const LITELLM = '1.106.2';
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

type Start = (endpointPort: number) => Promise<Gateway>;

/** By name. Ours is the last one. */
export const GATEWAYS: Record<string, Start> = { litellm, portkey, bare, breakwater };

/** Calls the endpoint directly. */
export function direct(port: number): Omit<Target, 'body'> {
  return { port, path: '/v1/messages', headers: { 'x-api-key': 'key' } };
}

async function bare(endpointPort: number): Promise<Gateway> {
  const port = await freePort();
  const file = join(import.meta.dirname, 'bare.ts');
  return start('bare', [process.execPath, file, String(port), String(endpointPort)], { port });
}

/** The runtime with every guard on. None of them refuses anything. */
function breakwater(endpointPort: number): Promise<Gateway> {
  return startRuntime((directory) => everyGuard(endpointPort, directory));
}

/** The same. Traces this share of its requests to the collector at the port. */
export async function traced(
  name: string,
  endpointPort: number,
  tracing: { collectorPort: number; ratio: number },
): Promise<Gateway> {
  const gateway = await startRuntime((directory) => {
    const content = everyGuard(endpointPort, directory);
    return { ...content, telemetry: { ...content.telemetry, tracing: tracingTo(tracing) } };
  });
  return { ...gateway, name };
}

/** The same. Writes an access line for each request. */
export async function logged(name: string, endpointPort: number): Promise<Gateway> {
  const gateway = await startRuntime((directory) => {
    const content = everyGuard(endpointPort, directory);
    const logging = { successRatio: 1, levels: { access: 'Info' } };
    return { ...content, telemetry: { ...content.telemetry, logging } };
  });
  return { ...gateway, name };
}

/** The same with dist/runtime of another commit. */
export async function earlier(endpointPort: number, bundle: string): Promise<Gateway> {
  const gateway = await startRuntime((directory) => everyGuard(endpointPort, directory), bundle);
  return { ...gateway, name: 'before' };
}

function tracingTo({
  collectorPort,
  ratio,
}: {
  collectorPort: number;
  ratio: number;
}): NonNullable<Content['telemetry']['tracing']> {
  const endpoint = `http://127.0.0.1:${collectorPort}`;
  return { endpoint, ratio, headersFrom: [], parentBased: true, content: 'None' };
}

const BUNDLE = join(import.meta.dirname, '../../../dist/runtime');

/** Starts the bundle as the image does. `configure` gets the directory with the file api-key. */
export async function startRuntime(
  configure: (directory: string) => Content,
  bundle = BUNDLE,
): Promise<Gateway> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
  const content = configure(directory);
  const hash = `sha256:${createHash('sha256').update(JSON.stringify(content)).digest('hex')}`;
  const configuration: Configuration = { revision: { term: 1, counter: 1 }, hash, content };
  await writeFile(join(directory, 'configuration.json'), JSON.stringify(configuration));
  await writeFile(join(directory, 'api-key'), 'key\n');
  await writeFile(join(directory, 'token'), 'token\n');
  const port = await freePort();
  const main = join(bundle, 'main.js');
  const profile = process.env['PROFILE_DIR'];
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const { flags, env } = await imageStart();
  const gateway = await start('breakwater', [process.execPath, ...flags, ...profiling, main], {
    port,
    ready: '/health/ready',
    env: {
      ...env,
      BREAKWATER_AGENT_PORT: String(port),
      BREAKWATER_METRICS_PORT: '0',
      BREAKWATER_CONTROL_PORT: '0',
      BREAKWATER_DEBUG_PORT: '0',
      BREAKWATER_CONFIGURATION_DIRECTORY: directory,
      BREAKWATER_TOKEN_DIRECTORY: directory,
      // Pods of other names probe at other times.
      POD_NAME: basename(directory),
    },
  });
  return stopping(gateway, directory);
}

/** A configuration that sets everything, with two endpoints. */
function everyGuard(endpointPort: number, directory: string): Content {
  const endpoints = ['primary', 'fallback'].map((name, priority) => ({
    name,
    provider: 'Anthropic',
    weight: 1,
    baseURL: `http://127.0.0.1:${endpointPort}`,
    credential: { path: join(directory, 'api-key'), secret: 'bench', key: 'api-key' },
    maxConcurrent: 10_000,
    priority,
  }));
  const window = { windowMs: 60_000, minimumCalls: 10 };
  const circuits = endpoints.map(({ name }): Circuit => ({
    dependency: `model/${name}`,
    policy: 'bench',
    trip: {
      consecutiveFailures: 5,
      failureRate: { percent: 50, ...window },
      slowCalls: { percent: 80, slowerThanMs: 20_000, ...window },
    },
    openDurationMs: 60_000,
    maxOpenDurationMs: 600_000,
    halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 },
    abandonedAfterMs: 60_000,
    failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
    recovery: { rampUpMs: 0 },
    mode: 'Enforce',
    requires: [],
  }));
  const limit: Omit<Limit, 'target' | 'name' | 'resource'> = {
    policy: 'bench',
    refill: { amount: 1e9, perMs: 1000 },
    capacity: 1e9,
    maxKeys: 10_000,
    onLimit: 'Reject',
    maxWaitMs: 2000,
    mode: 'Enforce',
    requires: [],
  };
  const limits: Limit[] = [
    { ...limit, target: 'inbound', name: 'requests', resource: 'Requests' },
    {
      ...limit,
      target: 'inbound',
      name: 'by-user',
      resource: 'Requests',
      key: { header: 'x-user-id' },
    },
    { ...limit, target: 'model/primary', name: 'calls', resource: 'Requests' },
    { ...limit, target: 'model/primary', name: 'tokens', resource: 'TotalTokens' },
  ];
  return {
    agent: { namespace: 'bench', name: 'bench', uid: 'bench' },
    endpoints,
    loadBalancing: 'LeastLoaded',
    affinity: { mode: 'Disabled' },
    clientPatienceMs: 5000,
    timeouts: {
      connectMs: 10_000,
      requestMs: 300_000,
      streamMs: 3_600_000,
      firstTokenMs: 60_000,
      streamIdleMs: 120_000,
      transportIdleMs: 45_000,
    },
    shutdown: { endpointLagMs: 0, drainTimeoutMs: 0 },
    retry: {
      maxAttempts: 3,
      baseDelayMs: 500,
      maxDelayMs: 8000,
      budgetPercent: 20,
      minPerSecond: 1,
    },
    gates: { maxWaitMs: 300_000 },
    providerLimits: { maxPods: 1 },
    whenFull: 'Reject',
    intake: {
      maxBodyBytes: 33_554_432,
      maxBodyBytesInFlight: 268_435_456,
      bodyIdleTimeoutMs: 10_000,
      minBodyBytesPerSecond: 1024,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 10_000,
    },
    bulkhead: { maxConcurrent: 10_000, maxQueued: 100, acquireTimeoutMs: 5000 },
    egress: { allowHosts: [], denyPrivateNetworks: true },
    security: {
      incidents: {
        windowMs: 600_000,
        maxTracked: 1000,
        thresholds: {},
        raiseAt: 10,
        manySources: 10,
        spend: { factor: 5, hours: 24, minTokens: 100_000 },
      },
      responses: [],
    },
    telemetry: {
      logging: { successRatio: 0, levels: {} },
      baggage: 'Drop',
      userId: 'Hashed',
    },
    circuits,
    limits,
  };
}

async function portkey(endpointPort: number): Promise<Gateway> {
  return startPortkey({
    'x-portkey-provider': 'anthropic',
    'x-portkey-custom-host': `http://127.0.0.1:${endpointPort}/v1`,
  });
}

/** Portkey. It reads its configuration from the headers of each request. */
export async function startPortkey(headers: Record<string, string>): Promise<Gateway> {
  const name = `portkey-${PORTKEY}-${PORTKEY_NODE_SERVER}`;
  const directory = join(cacheDirectory(), 'bench', name);
  await buildOnce(directory, async (partial) => {
    const overrides = { '@hono/node-server': PORTKEY_NODE_SERVER };
    await writeFile(join(partial, 'package.json'), JSON.stringify({ private: true, overrides }));
    await run('npm', ['install', '--save-exact', `@portkey-ai/gateway@${PORTKEY}`], {
      cwd: partial,
    });
  });
  const main = join(directory, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const port = await freePort();
  const command = [process.execPath, main, `--port=${port}`, '--headless'];
  return start('portkey', command, { port, headers });
}

function litellm(endpointPort: number): Promise<Gateway> {
  const parameters = {
    model: 'anthropic/claude-bench',
    api_base: `http://127.0.0.1:${endpointPort}`,
    api_key: 'key',
  };
  return startLitellm({
    model_list: [{ model_name: 'claude-bench', litellm_params: parameters }],
    litellm_settings: { telemetry: false },
  });
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

/** LiteLLM's proxy with this config.yaml. */
export async function startLitellm(configuration: object): Promise<Gateway> {
  const environment = await pythonPackage(`litellm-${LITELLM}`, `litellm[proxy]==${LITELLM}`);
  const directory = await mkdtemp(join(tmpdir(), 'litellm-bench-'));
  const config = join(directory, 'config.yaml');
  await writeFile(config, JSON.stringify(configuration));
  const port = await freePort();
  const options = ['--config', config, '--host', '127.0.0.1', '--port', String(port)];
  const command = [join(environment, 'bin/litellm'), ...options, '--num_workers', '1'];
  const gateway = await start('litellm', command, {
    port,
    ready: '/health/liveliness',
    env: {
      LITELLM_LOG: 'ERROR',
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      // LiteLLM does the least when it checks no key.
      LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true',
    },
  });
  return stopping(gateway, directory);
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

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
