import type { Circuit, Configuration, Content } from '../../contract/generated/types.ts';
import { canonicalHash } from '../../contract/canonical.ts';
import { defaultCircuit, resolved, RESOLVED, type Parts } from './resolved.ts';

/** A circuit of model/primary that opens at the first failure and stays open. */
export const TOUCHY: Circuit = {
  ...defaultCircuit('model/primary'),
  policy: 'touchy',
  trip: { consecutiveFailures: 1 },
  openDurationMs: 600_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
};

/** One attempt for each request, for tests that look at what one attempt comes to. */
export const ONE_ATTEMPT = { retry: { maxAttempts: 1 } };

/** Default of telemetry in a configuration. */
export const { telemetry: TELEMETRY } = RESOLVED;

/** A configuration with one endpoint and the hash of its content. */
export function configuration(
  baseURL: string,
  content: Parts<Content> = {},
  revision = { term: 1, counter: 1 },
): Configuration {
  const whole = resolved({
    endpoints: [{ name: 'primary', baseURL }],
    ...content,
    timeouts: { connectMs: 2000, requestMs: 20_000, ...content.timeouts },
    shutdown: { endpointLagMs: 0, drainTimeoutMs: 10_000, ...content.shutdown },
  });
  return { revision, hash: canonicalHash(whole), content: whole };
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
