import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import packageJson from '../package.json' with { type: 'json' };
import { MOUNTS, PORTS } from '../contract/link.ts';
import { MOUNTS_VARIABLE } from '../contract/mounts.ts';
import { write } from 'node:fs';
import { promisify } from 'node:util';
import { systemClock } from './guard/clock.ts';
import { rootLogger } from '../common/log.ts';
import { environmentPort } from './environmentPort.ts';
import { proxyEnvironment } from './network/proxies.ts';
import { tracingEnvironment } from '../tracing/settings.ts';
import { Runtime } from './runtime.ts';

const { env } = process;

const log = rootLogger(env.LOG_LEVEL ?? 'info');

process.on('uncaughtException', (error) => {
  log.fatal({ module: 'main', err: error }, 'Process failed');
  process.exit(1);
});

const writeSome = promisify(write);
const STDOUT = 1;

/** Writes to standard output without blocking the process, even if the reader is slow. */
async function writeAll(text: string): Promise<void> {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    const { bytesWritten } = await writeSome(STDOUT, rest);
    rest = rest.subarray(bytesWritten);
  }
}

const runtime = new Runtime({
  pod: {
    namespace: env.POD_NAMESPACE ?? 'default',
    name: env.POD_NAME ?? 'local',
    uid: env.POD_UID ?? 'local',
  },
  version: packageJson.version,
  ports: {
    agent: environmentPort(env, 'BREAKWATER_AGENT_PORT', PORTS.agent),
    metrics: environmentPort(env, 'BREAKWATER_METRICS_PORT', PORTS.metrics),
    control: environmentPort(env, 'BREAKWATER_CONTROL_PORT', PORTS.control),
    debug: environmentPort(env, 'BREAKWATER_DEBUG_PORT', PORTS.debug),
    program: environmentPort(env, 'BREAKWATER_PROGRAM_PORT', PORTS.program),
  },
  ...(env.BREAKWATER_HOST && { host: env.BREAKWATER_HOST }),
  configurationDirectory: env.BREAKWATER_CONFIGURATION_DIRECTORY ?? MOUNTS.configuration,
  tokenDirectory: env.BREAKWATER_TOKEN_DIRECTORY ?? MOUNTS.token,
  // The pod's UID is in the name, because outside of pods several processes share the directory.
  ...(env.POD_UID && { statePath: join(tmpdir(), `breakwater-${env.POD_UID}.json`) }),
  ...(env[MOUNTS_VARIABLE] !== undefined && { mounts: new Set(env[MOUNTS_VARIABLE].split(',')) }),
  ...(env.POD_UID && {
    formerPath: join(tmpdir(), `breakwater-configuration-${env.POD_UID}.json`),
  }),
  ...(env.POD_UID && { toolListsDirectory: join(tmpdir(), `breakwater-tools-${env.POD_UID}`) }),
  ...(env.POD_UID && {
    auditHeadPath: join(tmpdir(), `breakwater-audit-${env.POD_UID}.json`),
  }),
  auditQueueDirectory: join(tmpdir(), `breakwater-audit-${env.POD_UID ?? process.pid}`),
  peers: {
    self: env.POD_IP ?? '127.0.0.1',
    resolve: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    locate: (address) => `${isIP(address) === 6 ? `[${address}]` : address}:${PORTS.agent}`,
  },
  // The rest of the heap is for requests in flight.
  maxConversationBytes: getHeapStatistics().heap_size_limit / 4,
  maxCacheBytes: getHeapStatistics().heap_size_limit / 8,
  maxProgramCacheBytes: getHeapStatistics().heap_size_limit / 16,
  maxToolResultBytes: getHeapStatistics().heap_size_limit / 32,
  proxies: proxyEnvironment(env),
  identities: {
    containerCredentialsURI: env.AWS_CONTAINER_CREDENTIALS_FULL_URI,
    containerTokenFile: env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
    metadataHost: env.GCE_METADATA_HOST,
  },
  tracing: tracingEnvironment(env),
  writeOut: writeAll,
  clock: systemClock,
  log,
});

// A second signal changes nothing.
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    void runtime.shutdown().then(() => process.exit(0));
  });
}

await runtime.start();
