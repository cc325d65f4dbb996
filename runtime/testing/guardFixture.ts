import { INBOUND } from '../../contract/link.ts';
import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import { upgradeContent, type Earlier } from '../control/upgrade.ts';

/** A configuration with one endpoint, model/primary, and no policies. */
export function content(parts: Earlier<Content> = {}): Content {
  return upgradeContent({
    agent: { namespace: 'default', name: 'triage', uid: '1' },
    endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: 'http://model.test' }],
    timeouts: { connectMs: 10_000, requestMs: 300_000, streamMs: 3_600_000 },
    shutdown: { endpointLagMs: 5000, drainTimeoutMs: 300_000 },
    circuits: [],
    limits: [],
    ...parts,
  });
}

/** The circuit of model/primary. By default it opens for 1 min, growing to 10 min. */
export function circuitOf(parts: Partial<Circuit> = {}): Circuit {
  return {
    dependency: 'model/primary',
    trip: { consecutiveFailures: 5 },
    openDurationMs: 60_000,
    maxOpenDurationMs: 600_000,
    halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 0 },
    failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
    abandonedAfterMs: 60_000,
    recovery: { rampUpMs: 0 },
    mode: 'Enforce',
    requires: [],
    ...parts,
  };
}

/** A limit on requests to the agent. By default 10 per second with bursts of 100. */
export function limitOf(parts: Partial<Limit> = {}): Limit {
  return {
    target: INBOUND,
    policy: 'limits',
    name: 'requests',
    resource: 'Requests',
    refill: { amount: 10, perMs: 1000 },
    capacity: 100,
    maxKeys: 10_000,
    onLimit: 'Reject',
    maxWaitMs: 2000,
    mode: 'Enforce',
    requires: [],
    ...parts,
  };
}
