/** The compared gateways, with the configuration that does the least. */
import { createHash } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Configuration, Content } from '../../../contract/generated/types.ts';
import { buildOnce, cacheDirectory } from '../../cluster/common/cache.ts';
import { run } from '../../cluster/common/command.ts';
import { agentContent } from '../../kit/agentContent.ts';
import { startEnvoy } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { imageStart } from './image.ts';
import type { Target } from './load.ts';
import { freePort } from '../../cluster/common/freePort.ts';
import { pythonPackage, start, stopping } from './processes.ts';
import type { Gateway } from './processes.ts';

const PORTKEY = '1.15.2';
/**
 * The version that Portkey's release works with. It cannot stream with 1.14.2 and newer (Portkey-AI/gateway issue
 * 1389).
 */
const PORTKEY_NODE_SERVER = '1.13.8';
const LITELLM = '1.106.12';

type Start = (endpointPort: number) => Promise<Gateway>;

/** By name. Ours is the last one. */
export const GATEWAYS: Record<string, Start> = {
  litellm,
  portkey,
  envoy,
  haproxy,
  bare,
  breakwater,
};

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

const API = { apiVersion: 'breakwater.dev/v1alpha1' };

/** Two endpoints with circuits and limits of each kind, and the defaults of the CRDs for the rest. */
function everyGuard(endpointPort: number, directory: string): Content {
  const endpoints = ['primary', 'fallback'].map((name, priority) => ({
    ...{ name, priority, baseURL: `http://127.0.0.1:${endpointPort}` },
    apiKeySecretRef: { name: 'bench' },
    maxConcurrent: 10_000,
  }));
  const agent = {
    ...{ ...API, kind: 'AgentDeployment', metadata: { name: 'bench' } },
    spec: {
      model: { endpoints },
      bulkhead: { maxConcurrent: 10_000 },
      requestLimits: { maxConnections: 10_000, maxConnectionsPerAddress: 10_000 },
    },
  };
  const targetRefs = [{ name: 'bench' }];
  const window = { window: '60s', minimumCalls: 10 };
  const breaker = {
    ...{ ...API, kind: 'CircuitBreakerPolicy', metadata: { name: 'bench' } },
    spec: {
      ...{ targetRefs, scope: 'Pod' },
      trip: {
        consecutiveFailures: 5,
        failureRate: { percent: 50, ...window },
        slowCalls: { percent: 80, slowerThan: '20s', ...window },
      },
    },
  };
  const each = { refill: { amount: 1e9, per: '1s' }, capacity: 1e9 };
  const limit = (name: string, sectionName: string | undefined, limits: object[]): object => ({
    ...{ ...API, kind: 'RateLimitPolicy', metadata: { name } },
    spec: {
      targetRefs: [{ name: 'bench', ...(sectionName && { sectionName }) }],
      scope: 'Pod',
      limits,
    },
  });
  const content = agentContent(agent, directory, [
    breaker,
    limit('inbound', undefined, [
      { name: 'requests', ...each },
      { name: 'by-user', ...each, key: { header: 'x-user-id' } },
    ]),
    limit('outbound', 'model/primary', [
      { name: 'calls', ...each },
      { name: 'tokens', ...each, resource: 'TotalTokens' },
    ]),
  ]);
  return { ...content, shutdown: { endpointLagMs: 0, drainTimeoutMs: 0, handlerTimeoutMs: 2000 } };
}

/** Envoy with retries, outlier detection and a local rate limit. */
async function envoy(endpointPort: number): Promise<Gateway> {
  const port = await freePort();
  const route = { name: 'bench', port, endpoints: [endpointPort], limit: true };
  const gateway = await startEnvoy([route]);
  return { ...gateway, target: direct(port) };
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
