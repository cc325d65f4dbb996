/** Objects with the status that the operator writes for them, by the name of their file in testdata/. */
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  CircuitBreakerPolicySpec,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import type { PolicyAttachment } from '../../operator/desired/policies/attachment.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  OPTIONS,
  target,
} from '../../operator/testing/fixtures.ts';
import { planAgent } from '../../operator/desired/plan.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import {
  ago,
  circuit,
  deployment,
  limit,
  NOW,
  observation,
  pod,
  strangePod,
  transition,
} from '../../operator/testing/observations.ts';
import type {
  AgentObservation,
  Contest,
  PodObservation,
} from '../../operator/status/observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../../operator/testing/policyStatus.ts';

const NAMES = ['triage-a', 'triage-b', 'triage-c'];

type Report = Parameters<typeof pod>[1];

const three = (report: Report = {}, rest: Partial<PodObservation> = {}): PodObservation[] =>
  NAMES.map((name) => pod(name, report, rest));

const opened: Report = {
  circuits: [
    circuit('Open', { reason: '3 consecutive failures (Overloaded)', nextProbe: ago(-20) }),
  ],
  transitions: [transition(1, 10)],
};
/** The configuration that these pods run is not the one that is desired. */
const behind = { hash: 'sha256:before' };
const refused: Report = {
  configuration: {
    hash: 'sha256:before',
    unsupported: [],
    refused: {
      source: 'Link',
      hash: 'sha256:now',
      message: 'circuits[0].trip has no rule',
      time: ago(5),
    },
  },
};
const old: Report = {
  configuration: {
    hash: 'sha256:now',
    unsupported: [{ path: '/circuits/0/trip/slowCalls', feature: 'slowCalls', policy: 'triage' }],
  },
};

/** The status lags behind the spec by one edit. */
function edited<T extends KubernetesObject>(object: T): T {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 } };
}

function agent(seen: AgentObservation, annotations?: Record<string, string>): AgentDeployment {
  const object = agentFixture('triage', {}, annotations && { annotations });
  const policies = { breakers: [breakerFixture()], limits: [] };
  const attachment = attach(policies, [object]).agents.get('triage')!;
  const plan = planAgent({ agent: object, attachment, options: OPTIONS });
  const input = { agent: object, plan, observation: seen, previous: undefined, now: NOW };
  return { ...object, status: agentStatus(input) };
}

function breaker(
  seen: AgentObservation,
  spec: Partial<CircuitBreakerPolicySpec> = {},
  others: readonly CircuitBreakerPolicy[] = [],
  contest?: Contest,
): CircuitBreakerPolicy {
  const policy = breakerFixture('triage', spec);
  const { breakers } = attach({ breakers: [policy, ...others], limits: [] }, [agentFixture()]);
  const attachment = breakers.find((one) => one.policy === policy)!;
  const agents = new Map([['triage', seen]]);
  const input = { attachment, agents, contest, previous: undefined, now: NOW };
  return { ...policy, status: breakerPolicyStatus(input) };
}

function rateLimit(
  seen: AgentObservation,
  spec: Partial<RateLimitPolicy['spec']> = {},
  contest?: Contest,
): RateLimitPolicy {
  const policy = limitFixture('triage', spec);
  const { limits } = attach({ breakers: [], limits: [policy] }, [agentFixture()]);
  const attachment = limits[0] as PolicyAttachment<RateLimitPolicy>;
  const agents = new Map([['triage', seen]]);
  const input = { attachment, agents, contest, previous: undefined, now: NOW };
  return { ...policy, status: rateLimitPolicyStatus(input) };
}

const rollingOut = observation(three(), {
  deployment: deployment({ updatedReplicas: 1, replicas: 4, readyReplicas: 3, conditions: [] }),
});
const unready = observation([strangePod('triage-a', { ready: false })], {
  deployment: deployment({ readyReplicas: 0 }),
});
const keyless = observation(
  three({
    missingCredentials: [{ dependency: 'model/primary', secret: 'anthropic', key: 'api-key' }],
  }),
);
const maintenance = {
  state: 'Open',
  reason: 'maintenance of the provider',
  expiresAt: ago(-600),
} as const;
const held: Report = { circuits: [circuit('Open', { overridden: 'Open' })] };
const limiting: Report = { limits: [limit({ limiting: true, usedPercent: 100, rejected: 12 })] };
const nowhere = { targetRefs: [target('nobody')] };
const narrower = breakerFixture('narrower', { targetRefs: [target('triage/model/primary')] });

const PAUSED = { 'breakwater.dev/paused': 'true' };

/** Another installation writes the status of the policy. */
const contest = (kind: string): Contest => ({
  kind,
  name: 'triage',
  fields: ['.status'],
});

export const AGENTS: Record<string, AgentDeployment> = {
  progressing_new: agentFixture('triage'),
  progressing_edited: edited(agent(observation(three()))),
  progressing_rollingOut: agent(rollingOut),
  progressing_behind: agent(observation(three({}, behind))),
  degraded_noPods: agent(unready),
  degraded_noSecret: agent(keyless),
  degraded_refused: agent(observation(three(refused, behind))),
  degraded_unsupported: agent(observation(three(old))),
  healthy: agent(observation(three())),
  healthy_modelDown: agent(observation(three(opened))),
  suspended: agent(observation(three()), PAUSED),
  suspended_behind: agent(observation(three({}, behind), { paused: true }), PAUSED),
};

export const BREAKERS: Record<string, CircuitBreakerPolicy> = {
  progressing_new: breakerFixture('triage'),
  progressing_edited: edited(breaker(observation(three()))),
  progressing_behind: breaker(observation([pod('triage-a'), pod('triage-b', {}, behind)])),
  degraded_noTarget: breaker(observation(three()), nowhere),
  degraded_conflict: breaker(observation(three()), {}, [narrower]),
  degraded_contested: breaker(observation(three()), {}, [], contest('CircuitBreakerPolicy')),
  degraded_refused: breaker(observation(three(refused, behind))),
  degraded_unsupported: breaker(observation(three(old))),
  healthy: breaker(observation(three())),
  healthy_noPods: breaker(observation([])),
  healthy_open: breaker(observation(three(opened))),
  healthy_override: breaker(observation(three(held)), { override: maintenance }),
  healthy_shadow: breaker(observation(three(opened)), { mode: 'Shadow' }),
};

export const LIMITS: Record<string, RateLimitPolicy> = {
  progressing_new: limitFixture('triage'),
  progressing_edited: edited(rateLimit(observation(three()))),
  progressing_behind: rateLimit(observation(three({}, behind))),
  degraded_noTarget: rateLimit(observation(three()), nowhere),
  degraded_contested: rateLimit(observation(three()), {}, contest('RateLimitPolicy')),
  degraded_refused: rateLimit(observation(three(refused, behind))),
  healthy: rateLimit(observation(three())),
  healthy_limiting: rateLimit(observation(three(limiting))),
  healthy_shadow: rateLimit(observation(three(limiting)), { mode: 'Shadow' }),
};
