import { describe, expect, it } from '@jest/globals';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { CircuitStatus, Transition } from '../../contract/generated/types.ts';
import fc from '../../test/property.ts';
import { attach } from '../desired/policies/attach.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  selector,
  target,
} from '../testing/fixtures.ts';
import { condition } from './conditions.ts';
import {
  ago,
  circuit,
  limit,
  NOW,
  observation,
  pod,
  strangePod,
  transition,
} from '../testing/observations.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../testing/policyStatus.ts';

interface Given<P extends { status?: unknown }> {
  policy?: P;
  agents?: AgentDeployment[];
  observed?: [string, AgentObservation][];
  previous?: P['status'];
  now?: Date;
}

function breaker(
  pods: PodObservation[],
  given: Given<CircuitBreakerPolicy> = {},
): CircuitBreakerPolicyStatus {
  const { policy = breakerFixture('triage', {}, { generation: 4 }), previous, now = NOW } = given;
  const { agents = [agentFixture()], observed = [['triage', observation(pods)]] } = given;
  const [attachment] = attach({ breakers: [policy], limits: [] }, agents).breakers;
  return breakerPolicyStatus({
    attachment: attachment!,
    agents: new Map(observed),
    previous,
    now,
  });
}

describe('a policy whose scope is the fleet', () => {
  const shared = {
    ...{ dependency: 'model/primary', policy: 'triage', votes: '2/3' },
    ...{ since: ago(5), reason: '6 consecutive failures in 3 of 3 pods' },
  };
  const pods = ['a', 'b'].map((name) =>
    pod(name, { circuits: [circuit('Open', { policy: 'triage' })] }),
  );

  it('shows the worst state, the votes and the pod that probes', () => {
    const fleetCircuits = [
      { ...shared, model: 'haiku', state: 'Closed' as const },
      { ...shared, state: 'Probing' as const, prober: 'a', nextProbe: ago(-9) },
    ];
    const observed: [string, AgentObservation][] = [
      ['triage', { ...observation(pods), fleetCircuits }],
    ];
    const { summary, circuits } = breaker(pods, { observed });
    expect(summary).toMatchObject({ fleet: 'Probing', votes: '2/3', probing: 'a' });
    expect(circuits![0]!.fleet).toEqual({
      ...{ state: 'Probing', since: ago(5), votes: '2/3', probing: 'a', nextProbe: ago(-9) },
      reason: '6 consecutive failures in 3 of 3 pods',
    });
  });

  it('shows no fleet if each pod decides alone', () => {
    const { summary, circuits } = breaker(pods);
    expect(summary).not.toHaveProperty('fleet');
    expect(circuits![0]).not.toHaveProperty('fleet');
  });
});

function rate(
  pods: PodObservation[],
  { policy = limitFixture('triage', {}, { generation: 4 }), previous }: Given<RateLimitPolicy> = {},
): RateLimitPolicyStatus {
  const [attachment] = attach({ breakers: [], limits: [policy] }, [agentFixture()]).limits;
  return rateLimitPolicyStatus({
    attachment: attachment!,
    agents: new Map([['triage', observation(pods)]]),
    previous,
    now: NOW,
  });
}

const of = (
  status: CircuitBreakerPolicyStatus | RateLimitPolicyStatus,
  type: string,
): [string, string] => {
  const { status: value, reason } = condition(status.conditions, type)!;
  return [value, reason];
};
const message = (status: CircuitBreakerPolicyStatus, type: string): string =>
  condition(status.conditions, type)!.message;

const open = circuit('Open', {
  since: ago(20),
  reason: '3 consecutive failures (Overloaded)',
  nextProbe: ago(-10),
  lastFailure: { class: 'Overloaded', message: 'HTTP 529', time: ago(20) },
});

describe('breakerPolicyStatus', () => {
  it('reports an open circuit in some pods', () => {
    const later = { ...open, since: ago(5), nextProbe: ago(-25) };
    const status = breaker([
      pod('a', { circuits: [later] }),
      pod('b', { circuits: [open], transitions: [transition(1, 20)] }),
      pod('c'),
    ]);
    expect(status).toMatchObject({
      observedGeneration: 4,
      state: 'Open',
      lastTransitionTime: ago(20),
      pods: { total: 3, closed: 1, halfOpen: 0, open: 2, unknown: 0, programmed: 3 },
      circuits: [
        {
          agent: 'triage',
          dependency: 'model/primary',
          state: 'Open',
          pods: '2/3',
          since: ago(20),
          nextProbe: ago(-10),
          lastFailure: { class: 'Overloaded', message: 'HTTP 529', time: ago(20) },
        },
      ],
      transitions: [
        {
          time: ago(20),
          agent: 'triage',
          dependency: 'model/primary',
          pod: 'b',
          from: 'Closed',
          to: 'Open',
        },
      ],
      summary: {
        open: '2/3',
        target: 'triage',
        programmed: '3/3',
        reason: '3 consecutive failures (Overloaded)',
        nextProbe: ago(-10),
        lastError: 'Overloaded: HTTP 529',
      },
    });
    expect(of(status, 'Tripped')).toEqual(['True', 'CircuitOpen']);
    expect(message(status, 'Tripped')).toContain(
      'model/primary of triage in 2/3 pods: 3 consecutive failures (Overloaded)',
    );
    expect(of(status, 'Programmed')).toEqual(['True', 'Programmed']);
  });

  it.each<[string, PodObservation[], string, [string, string]]>([
    ['all closed', [pod('a'), pod('b')], 'Closed', ['False', 'Closed']],
    [
      'one half-open',
      [pod('a'), pod('b', { circuits: [circuit('HalfOpen')] })],
      'HalfOpen',
      ['True', 'CircuitHalfOpen'],
    ],
    ['none connected', [strangePod('a')], 'Unknown', ['Unknown', 'NoReports']],
    ['no pods', [], 'Unknown', ['Unknown', 'NoReports']],
    [
      'an unconnected pod that was open',
      [pod('a', { circuits: [open] }, { connected: false }), pod('b')],
      'Closed',
      ['False', 'Closed'],
    ],
    [
      'a terminating pod that is open',
      [pod('a', { circuits: [open] }, { terminating: true }), pod('b')],
      'Closed',
      ['False', 'Closed'],
    ],
    [
      'a circuit that is under another policy yet',
      [pod('a', { circuits: [{ ...open, policy: 'other' }] })],
      'Unknown',
      ['Unknown', 'NoReports'],
    ],
  ])('%s', (_name, pods, state, tripped) => {
    const status = breaker(pods);
    expect(status.state).toBe(state);
    expect(of(status, 'Tripped')).toEqual(tripped);
  });

  const refused = {
    configuration: {
      hash: 'sha256:before',
      unsupported: [],
      refused: { source: 'Link', message: 'circuits/0: must have trip', time: ago(1) },
    },
  };
  const unsupported = (path: string): Partial<PodObservation['snapshot'] & object> => ({
    configuration: {
      hash: 'sha256:now',
      unsupported: [{ path, feature: 'Circuit.ConsecutiveFailures', policy: 'triage' }],
    },
  });
  it.each<[string, PodObservation[], [string, string], string]>([
    ['no pods', [], ['True', 'NoPods'], 'The agents have no pods'],
    [
      'one without a link',
      [pod('a'), strangePod('b', { linkError: 'connection refused' })],
      ['False', 'Pending'],
      '1/2 pods enforce generation 4; waiting: b (connection refused).',
    ],
    [
      'one with an earlier configuration',
      [pod('a', {}, { hash: 'sha256:before' })],
      ['False', 'Pending'],
      'waiting: a (runs an earlier configuration).',
    ],
    [
      'one that refused',
      [strangePod('a'), pod('b', refused, { hash: 'sha256:before' })],
      ['False', 'Refused'],
      'Pod b refused the configuration: circuits/0: must have trip.',
    ],
    [
      'one too old',
      [pod('a', unsupported('/circuits/0'))],
      ['False', 'UnsupportedByRuntime'],
      'The runtime of a is too old for Circuit.ConsecutiveFailures',
    ],
    [
      'one too old for a policy of the other kind and of the same name',
      [pod('a', unsupported('/limits/0'))],
      ['True', 'Programmed'],
      '1/1 pods enforce generation 4.',
    ],
    [
      'one that refused a stray file while it runs the right one',
      [pod('a', refused)],
      ['True', 'Programmed'],
      'Pod a refused another configuration, from: Link: circuits/0: must have trip.',
    ],
    [
      'one on its way out',
      [pod('a'), strangePod('b', { terminating: true })],
      ['True', 'Programmed'],
      '1/1 pods enforce generation 4.',
    ],
  ])('is programmed with %s', (_name, pods, programmed, text) => {
    const status = breaker(pods);
    expect(of(status, 'Programmed')).toEqual(programmed);
    expect(message(status, 'Programmed')).toContain(text);
  });

  it.each([
    [[target('triage')], 'triage'],
    [[target('triage/model/primary')], 'triage/model/primary'],
    [[target('triage'), target('billing'), target('billing/model/primary')], '2 agents'],
    [[target('gone')], 'gone'],
  ])('names the target %j', (targetRefs, text) => {
    const agents = [agentFixture(), agentFixture('billing')];
    const policy = breakerFixture('triage', { targetRefs });
    expect(breaker([], { policy, agents }).summary!.target).toBe(text);
  });

  it('counts the agents that a selector matches', () => {
    const policy = breakerFixture('triage', { targetSelectors: [selector({ tier: 'gold' })] });
    const gold = { labels: { tier: 'gold' } };
    const names = ['a', 'b', 'c'];
    const agents = names.map((name) => agentFixture(name, {}, gold));
    expect(breaker([], { policy, agents }).summary!.target).toBe('3 agents');
    expect(breaker([], { policy, agents: agents.slice(0, 1) }).summary!.target).toBe('a');
    expect(breaker([], { policy, agents: [] }).summary!.target).toBe('0 agents');
  });

  it('says why it is not in force anywhere', () => {
    const status = breaker([], { policy: breakerFixture('triage', { targetRefs: [target('x')] }) });
    expect(status.summary).toMatchObject({ reason: 'TargetNotFound', programmed: '0/0' });
    expect(of(status, 'Accepted')).toEqual(['False', 'TargetNotFound']);
    expect(of(status, 'Programmed')).toEqual(['False', 'NotAccepted']);
    expect(status.state).toBe('Unknown');
  });

  it('is not programmed while it is not accepted, even if a part of it is in force', () => {
    const targetRefs = [target('triage'), target('gone')];
    const status = breaker([pod('a')], { policy: breakerFixture('triage', { targetRefs }) });
    expect(of(status, 'Accepted')).toEqual(['False', 'TargetNotFound']);
    expect(of(status, 'Programmed')).toEqual(['False', 'NotAccepted']);
    expect(message(status, 'Programmed')).toMatch(/^Not all of it is in force: .* 1\/1 pods/);
    expect(status.pods!.programmed).toBe(1);
  });

  it('keeps transitions of pods that are gone, up to a bound', () => {
    const first = breaker([
      pod('a', {
        transitions: [transition(1, 60), transition(2, 30, { from: 'Open', to: 'HalfOpen' })],
      }),
      pod('b', { transitions: [transition(1, 50)] }),
    ]);
    const next = breaker([pod('b', { transitions: [transition(1, 50)] }), pod('c')], {
      previous: first,
    });
    expect(next.transitions!.map(({ pod: name, to }) => [name, to])).toEqual([
      ['a', 'HalfOpen'],
      ['b', 'Open'],
      ['a', 'Open'],
    ]);
    const many = breaker(
      [pod('d', { transitions: Array.from({ length: 30 }, (_, i) => transition(i, 29 - i)) })],
      { previous: next },
    );
    expect(many.transitions).toHaveLength(20);
    expect(many.transitions![0]!.time).toBe(ago(0));
  });

  it('dates a state by its beginning, and keeps that while it lasts', () => {
    const first = breaker([pod('a', { circuits: [open] })]);
    expect(first.lastTransitionTime).toBe(ago(20));
    const worse = breaker(
      [pod('a', { circuits: [open] }), pod('b', { circuits: [{ ...open, since: ago(30) }] })],
      { previous: first },
    );
    expect(worse.lastTransitionTime).toBe(ago(20));
    const away = breaker([strangePod('a')], { previous: worse });
    expect(away.lastTransitionTime).toBe(NOW.toISOString());
    const back = breaker([pod('a', { circuits: [open] })], { previous: away });
    expect(back.lastTransitionTime).toBe(ago(20));
    const closed = breaker(
      [pod('a', { circuits: [circuit('Closed', { since: ago(2) })] }), pod('b')],
      { previous: back },
    );
    expect(closed.lastTransitionTime).toBe(ago(2));
  });

  it('dates by the present what pods cannot know', () => {
    const previous = breaker([pod('a', { circuits: [open] }), pod('b')]);
    const killed = breaker([pod('b')], { previous });
    expect([killed.state, killed.lastTransitionTime]).toEqual(['Closed', NOW.toISOString()]);
    const future = breaker([pod('a', { circuits: [{ ...open, since: ago(-60) }] })]);
    expect(future.lastTransitionTime).toBe(NOW.toISOString());
  });

  it('moves the time of a condition only when its status flips', () => {
    const first = breaker([pod('a', { circuits: [open] })]);
    const now = new Date(NOW.getTime() + 60_000);
    const halfOpen = breaker([pod('a', { circuits: [circuit('HalfOpen')] })], {
      previous: first,
      now,
    });
    const time = (status: CircuitBreakerPolicyStatus): string =>
      condition(status.conditions, 'Tripped')!.lastTransitionTime;
    expect(of(halfOpen, 'Tripped')).toEqual(['True', 'CircuitHalfOpen']);
    expect(time(halfOpen)).toBe('2026-11-21T10:00:00Z');
    const closed = breaker([pod('a')], { previous: halfOpen, now });
    expect(time(closed)).toBe('2026-11-21T10:01:00Z');
  });

  it('drops reports of pods that would not be valid in a status', () => {
    const wild = circuit('Open', {
      since: 'yesterday',
      reason: `line\nline ${'x'.repeat(999)}`,
      nextProbe: 'soon',
      lastFailure: { class: 'c'.repeat(999), message: 'm'.repeat(999), time: ago(1) },
    });
    const status = breaker([
      pod('a', { circuits: [wild], transitions: [transition(1, 1, { time: 'never' })] }),
    ]);
    expect(status.transitions).toEqual([]);
    expect(status.circuits![0]).not.toHaveProperty('since');
    expect(status.circuits![0]).not.toHaveProperty('nextProbe');
    expect(status.circuits![0]!.lastFailure!.class).toHaveLength(64);
    expect(status.circuits![0]!.lastFailure!.message).toHaveLength(256);
    expect(status.summary!.reason).toHaveLength(256);
    expect(status.summary!.reason).toMatch(/^line line x/);
    expect(status.summary!.lastError).toHaveLength(256);
  });

  it('keeps the worst circuits if there are too many', () => {
    const names = Array.from({ length: 70 }, (_, index) => `agent-${index}`);
    const gold = { labels: { tier: 'gold' } };
    const status = breaker([], {
      policy: breakerFixture('triage', { targetSelectors: [selector({ tier: 'gold' })] }),
      agents: names.map((name) => agentFixture(name, {}, gold)),
      observed: names.map((name) => [
        name,
        observation([pod(`${name}-0`, { circuits: [name === 'agent-9' ? open : circuit()] })]),
      ]),
    });
    expect(status.circuits).toHaveLength(64);
    expect(status.circuits!.find(({ agent }) => agent === 'agent-9')!.state).toBe('Open');
    expect(status.pods).toMatchObject({ total: 70, open: 1, closed: 69 });
  });

  it('has the state of the worst pod, and counts each pod once', () => {
    const states = fc.constantFrom('Open', 'HalfOpen', 'Closed', 'Unknown', 'Terminating');
    fc.assert(
      fc.property(fc.array(states, { maxLength: 12 }), (all) => {
        const status = breaker(
          all.map((state, index) => {
            if (state === 'Unknown') return strangePod(`p${index}`);
            if (state === 'Terminating')
              return pod(`p${index}`, { circuits: [open] }, { terminating: true });
            return pod(`p${index}`, { circuits: [circuit(state)] });
          }),
        );
        const worst = (['Open', 'HalfOpen', 'Closed'] as const).find((state) =>
          all.includes(state),
        );
        expect(status.state).toBe(worst ?? 'Unknown');
        const { total, closed, halfOpen, open: opened, unknown } = status.pods!;
        expect(closed! + halfOpen! + opened! + unknown!).toBe(total);
        expect(total).toBe(all.filter((state) => state !== 'Terminating').length);
      }),
    );
  });
});

describe('rateLimitPolicyStatus', () => {
  it('combines the figures of pods', () => {
    const status = rate([
      pod('a', { limits: [limit({ usedPercent: 40.6, rejected: 3 })] }),
      pod('b', { limits: [limit({ usedPercent: 100, rejected: 4, limiting: true })] }),
      pod('c', { limits: [limit({ usedPercent: 90, rejected: 50, target: 'model/primary' })] }),
      strangePod('d'),
    ]);
    expect(status).toMatchObject({
      observedGeneration: 4,
      state: 'Limiting',
      limits: [{ name: 'requests', usedPercent: 100, rejected: 7 }],
      pods: { total: 4, programmed: 3, limiting: 1 },
      summary: { used: '100%', rejected: 7, programmed: '3/4' },
    });
    expect(of(status, 'Exhausted')).toEqual(['True', 'Limiting']);
    expect(condition(status.conditions, 'Exhausted')!.message).toContain(
      'limit requests is used up',
    );
  });

  it.each<[string, PodObservation[], string, [string, string]]>([
    ['Flowing', [pod('a')], 'Flowing', ['False', 'Flowing']],
    ['Unknown without pods', [], 'Unknown', ['Unknown', 'NoReports']],
    [
      'Unknown when the pod has the limits of another policy',
      [pod('a', { limits: [limit({ policy: 'other' })] })],
      'Unknown',
      ['Unknown', 'NoReports'],
    ],
  ])('is %s', (_name, pods, state, exhausted) => {
    const status = rate(pods);
    expect(status.state).toBe(state);
    expect(of(status, 'Exhausted')).toEqual(exhausted);
  });

  it('says that it may be Redis where that keeps the buckets', () => {
    const { limits } = limitFixture('triage').spec;
    const keyed = limits.map((each) => ({ ...each, key: { type: 'Client' as const } }));
    const policy = limitFixture('triage', {
      ...{ scope: 'Fleet', limits: keyed },
      fleet: { store: 'Redis', storeTimeout: '250ms', withoutLeader: 'Deny' },
    });
    const { conditions } = rate([pod('a', { limits: [limit({ limiting: true })] })], { policy });
    expect(condition(conditions, 'Exhausted')!.message).toContain(
      'limit requests is used up, or Redis does not answer. Raise',
    );
  });

  it('is never exhausted in shadow mode', () => {
    const policy = limitFixture('triage', { mode: 'Shadow' });
    const status = rate([pod('a', { limits: [limit({ limiting: true })] })], { policy });
    expect(status.state).toBe('Limiting');
    expect(of(status, 'Exhausted')).toEqual(['False', 'Shadow']);
    expect(condition(status.conditions, 'Exhausted')!.message).toBe(
      'Nothing is rejected. Enforced, 1/1 pods would answer 429 because limit requests is used up.',
    );
    expect(of(rate([pod('a')], { policy }), 'Exhausted')).toEqual(['False', 'Shadow']);
  });
});

describe('an override of limits', () => {
  const override = {
    limits: [{ name: 'requests', refill: { amount: 5, per: '1s' } }],
    ...{ reason: 'load test', expiresAt: '2099-01-01T00:00:00Z' },
  };

  it('is a condition and REASON while pods report it, and is named where they refuse', () => {
    const policy = limitFixture('triage', { override });
    const held = rate([pod('a', { limits: [limit({ overridden: true })] })], { policy });
    expect(of(held, 'LimitsOverridden')).toEqual(['True', 'Override']);
    const text = 'spec.override (load test) holds requests at 5 per 1s until 2099-01-01T00:00:00Z';
    expect(condition(held.conditions, 'LimitsOverridden')!.message).toBe(`${text}, in 1/1 pods.`);
    expect(held.summary!.reason).toBe('override: load test');
    const limiting = [limit({ overridden: true, limiting: true })];
    const refusing = rate([pod('a', { limits: limiting })], { policy });
    expect(condition(refusing.conditions, 'Exhausted')!.message).toContain(`${text}.`);
  });

  it('that is over says so, and that no pod reports says that', () => {
    const over = { ...override, expiresAt: '2020-01-01T00:00:00Z' };
    const status = rate([pod('a')], { policy: limitFixture('triage', { override: over }) });
    expect(of(status, 'LimitsOverridden')).toEqual(['False', 'Expired']);
    expect(status.summary!.reason).toBe('override expired');
    const silent = rate([pod('a')], { policy: limitFixture('triage', { override }) });
    expect(of(silent, 'LimitsOverridden')).toEqual(['False', 'NoReports']);
    expect(rate([pod('a')]).conditions!.map(({ type }) => type)).not.toContain('LimitsOverridden');
  });
});

describe('the circuits of an endpoint with several models', () => {
  const opus = (state: 'Open' | 'Closed'): CircuitStatus =>
    circuit(state, { model: 'opus', reason: 'r', since: ago(20) });
  const haiku = circuit('Closed', { model: 'haiku' });
  const at = (name: string, circuits: CircuitStatus[]): PodObservation => pod(name, { circuits });
  const entries = ({ circuits = [] }: CircuitBreakerPolicyStatus): unknown[] =>
    circuits.map(({ model, state, pods }) => [model, state, pods]);

  it('have an entry for each model whose circuit is not closed, and one for the rest', () => {
    const status = breaker([at('a', [opus('Open'), haiku]), at('b', [opus('Closed'), haiku])]);
    expect(entries(status)).toEqual([
      ['opus', 'Open', '1/2'],
      [undefined, 'Closed', '2/2'],
    ]);
    expect(status.pods).toMatchObject({ open: 1, closed: 1 });
    expect(message(status, 'Tripped')).toContain('model/primary (opus) of triage in 1/2 pods');
  });

  it('are one entry while all are closed or pods know only one model', () => {
    const closed = [opus('Closed'), haiku];
    expect(entries(breaker([at('a', closed), at('b', closed)]))).toEqual([
      [undefined, 'Closed', '2/2'],
    ]);
    const single = breaker([at('a', [opus('Open')]), at('b', [circuit()])]);
    expect(entries(single)).toEqual([[undefined, 'Open', '1/2']]);
  });

  it('name the model in transitions, and do not repeat transitions from before there were several models', () => {
    const transitions = [
      transition(1, 30, { model: 'opus' }),
      transition(2, 30, { model: 'haiku' }),
    ];
    const [first, second] = transitions as [Transition, Transition];
    const one = pod('a', { circuits: [opus('Open')], transitions: [first] });
    const previous = breaker([one]);
    expect(previous.transitions?.map(({ model }) => model)).toEqual([undefined]);
    const circuits = [opus('Open'), haiku];
    const both = pod('a', { circuits, transitions: [first, second] });
    const next = breaker([both], { previous });
    expect(next.transitions?.map(({ model }) => model)).toEqual(['haiku', 'opus']);
  });
});
