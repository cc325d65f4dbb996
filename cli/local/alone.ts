import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { stringify } from 'yaml';
import { PORTS } from '../../contract/link.ts';
import {
  AGENT_DEPLOYMENT_DEFAULTS,
  CIRCUIT_BREAKER_POLICY_DEFAULTS,
} from '../../crds/generated/defaults.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { environmentPort } from '../../runtime/environmentPort.ts';
import { Screen } from '../terminal/screen.ts';
import type { Environment } from './keys.ts';
import { Local } from './local.ts';
import { PROGRAMS } from './programs.ts';
import { runUntilSignal } from './untilSignal.ts';

/** Directory of mounted manifests in the image. */
const MANIFESTS = '/manifests';

const KEY = 'ANTHROPIC_API_KEY';
const ADDRESS = 'ANTHROPIC_BASE_URL';

/** Variables that the runtimes get too, besides those of OpenTelemetry. */
const PASSED = ['LOG_LEVEL', 'MALLOC_ARENA_MAX'];

/** Time without a write until a change of a manifest counts, in milliseconds. */
const QUIET_MS = 100;

/** The image's process. */
export interface Host {
  argv: readonly string[];
  execArgv: readonly string[];
  env: Environment;
  stdout: Writable;
  stderr: Writable;
}

/**
 * Runs the agents of the mounted manifests, or one with the defaults, until a signal. Writes messages to standard
 * error, so that standard output has only the runtimes' log lines. Returns the exit status.
 */
export async function runAlone({ argv, execArgv, env, stdout, stderr }: Host): Promise<number> {
  const port = environmentPort(env, 'BREAKWATER_AGENT_PORT', PORTS.agent);
  const screen = new Screen({ write: (text) => stderr.write(text) });
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-'));
  const mounted = env['BREAKWATER_MANIFESTS'] || MANIFESTS;
  const alone = !existsSync(mounted);
  const path = alone ? join(directory, 'defaults.yaml') : mounted;
  if (alone) await writeFile(path, defaultManifest(env));
  for (const line of alone ? aboutDefaults(env, port, mounted) : [aboutManifests(path)]) {
    screen.line(line);
  }
  const agents = new Local({
    path,
    simulate: false,
    port,
    programs: { ...PROGRAMS, runtime: argv[1]! },
    runtimes: {
      metricsPort: environmentPort(env, 'BREAKWATER_METRICS_PORT', PORTS.metrics),
      passed: [...PASSED, ...Object.keys(env).filter((name) => name.startsWith('OTEL_'))],
      flags: execArgv,
      log: stdout,
    },
    environment: env,
    directory,
    quietMs: QUIET_MS,
    screen,
    date: () => new Date(),
  });
  return runUntilSignal(agents, screen);
}

/** One agent with the defaults. Without a key it forwards each client's own credentials. */
export function defaultManifest({ [KEY]: key, [ADDRESS]: baseURL }: Environment): string {
  const endpoint = {
    name: 'primary',
    ...(baseURL && { baseURL }),
    ...(key && { apiKeySecretRef: { name: 'anthropic' } }),
  };
  return stringify({
    apiVersion: API_VERSION,
    kind: 'AgentDeployment',
    metadata: { name: 'agent' },
    spec: { model: { endpoints: [endpoint] } },
  });
}

function aboutDefaults(
  { [KEY]: key, [ADDRESS]: baseURL }: Environment,
  port: number,
  mounted: string,
): string[] {
  const { trip, openDuration } = CIRCUIT_BREAKER_POLICY_DEFAULTS;
  const { retry, bulkhead } = AGENT_DEPLOYMENT_DEFAULTS;
  return [
    `Breakwater runs alone, with the defaults: no operator, and no manifests at ${mounted}.`,
    `Requests to port ${port} go to ${baseURL || 'https://api.anthropic.com'} ${
      key
        ? `with the key in ${KEY}. Whoever reaches the port spends that key.`
        : `with each client's own credentials, because ${KEY} is not set.`
    }`,
    `A request is tried up to ${retry.maxAttempts} times, ${bulkhead.maxConcurrent} run at a time, and ${trip.consecutiveFailures} failures in a row open the circuit for ${openDuration}. Nothing is rate-limited.`,
    `To change that, mount a directory with manifests: -v ./manifests:${mounted}:ro`,
  ];
}

function aboutManifests(path: string): string {
  return `Breakwater runs alone, with the manifests at ${path} and no operator. Edit them, and what is valid is in force at once.`;
}
