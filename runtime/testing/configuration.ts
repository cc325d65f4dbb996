import { createHash } from 'node:crypto';
import type { Circuit, Configuration, Content } from '../../contract/generated/types.ts';
import { upgradeContent, type Earlier } from '../control/upgrade.ts';

/** A circuit of model/primary that opens at the first failure and stays open. */
export const TOUCHY: Circuit = {
  dependency: 'model/primary',
  policy: 'touchy',
  trip: { consecutiveFailures: 1 },
  openDurationMs: 600_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
  failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
  abandonedAfterMs: 60_000,
  recovery: { rampUpMs: 0 },
  mode: 'Enforce',
  requires: [],
};

/** Default of telemetry in a configuration. */
export const TELEMETRY: Content['telemetry'] = {
  logging: { successRatio: 0, levels: {} },
  baggage: 'Drop',
  userId: 'Hashed',
};

/** A configuration with one endpoint and the hash of its content. */
export function configuration(
  baseURL: string,
  content: Earlier<Content> = {},
  revision = { term: 1, counter: 1 },
): Configuration {
  const whole = upgradeContent({
    agent: { namespace: 'default', name: 'triage', uid: 'u1' },
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL }],
    timeouts: { connectMs: 2000, requestMs: 20_000 },
    shutdown: { endpointLagMs: 0, drainTimeoutMs: 10_000 },
    circuits: [],
    limits: [],
    ...content,
  });
  const hash = createHash('sha256').update(JSON.stringify(whole)).digest('hex');
  return { revision, hash: `sha256:${hash}`, content: whole };
}

/** Audit with events on stdout and in memory. */
export const AUDIT: NonNullable<Content['audit']> = {
  stdout: true,
  memoryEvents: 100,
  bufferBytes: 1024 * 1024,
  authenticationIntervalMs: 3_600_000,
  argumentsOf: [],
  required: false,
};
