import { describe, expect, it } from '@jest/globals';
import type {
  AgentDeploymentStatus,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
} from '../../crds/generated/types.ts';
import { attach } from '../desired/policies/attach.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  OPTIONS,
  target,
} from '../testing/fixtures.ts';
import { planAgent } from '../desired/plan.ts';
import { agentStatus } from './agent.ts';
import {
  agentEvents,
  breakerPolicyEvents,
  rateLimitPolicyEvents,
  type EventDraft,
} from './events.ts';
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
import type { Contest, PodObservation } from './observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../testing/policyStatus.ts';

const reason = '3 consecutive failures (Overloaded)';
const opened = {
  circuits: [circuit('Open', { since: ago(5), reason })],
  transitions: [transition(1, 5)],
};
const halfOpen = {
  circuits: [circuit('HalfOpen', { since: ago(4) })],
  transitions: [...opened.transitions, transition(2, 4, { from: 'Open', to: 'HalfOpen' })],
};
const closed = {
  circuits: [circuit('Closed', { since: ago(3) })],
  transitions: [
    ...halfOpen.transitions,
    transition(3, 3, { from: 'HalfOpen', to: 'Closed', reason: '2 probes succeeded' }),
  ],
};
const well = [pod('a'), pod('b'), pod('c')];
const inAll = (report: object): PodObservation[] =>
  ['a', 'b', 'c'].map((name) => pod(name, report));

const lines = (events: EventDraft[]): string[] =>
  events.map(({ type, reason: why, note }) => `${type} ${why} ${note}`);

describe('breakerPolicyEvents', () => {
  const status = (
    pods: PodObservation[],
    previous?: CircuitBreakerPolicyStatus,
    policies: CircuitBreakerPolicy[] = [breakerFixture()],
    contest?: Contest,
  ): CircuitBreakerPolicyStatus => {
    const { breakers } = attach({ breakers: policies, limits: [] }, [agentFixture()]);
    const attachment = breakers.find(({ policy }) => policy.metadata.name === 'triage')!;
    const agents = new Map([['triage', observation(pods)]]);
    const input = { attachment, agents, previous, now: NOW };
    return breakerPolicyStatus({ ...input, ...(contest && { contest }) });
  };
  const first = status(well);

  it('names the model of a circuit if an endpoint serves several', () => {
    const of = (model: string, report: typeof opened): typeof opened => ({
      circuits: report.circuits.map((one) => ({ ...one, model })),
      transitions: report.transitions.map((one) => ({ ...one, model })),
    });
    const haiku = circuit('Closed', { model: 'haiku' });
    const both = (report: typeof opened): PodObservation[] => {
      const { circuits, transitions } = of('opus', report);
      return inAll({ circuits: [...circuits, haiku], transitions });
    };
    const first = status(both({ ...closed, transitions: [] }));
    const open = status(both(opened), first);
    expect(lines(breakerPolicyEvents(first, open))).toEqual([
      `Warning CircuitOpened Circuit model/primary (opus) of triage opened in 3/3 pods: ${reason}`,
    ]);
    const again = status(both(closed), open);
    expect(lines(breakerPolicyEvents(open, again))).toEqual([
      'Normal CircuitClosed Circuit model/primary (opus) of triage closed in 3/3 pods: 2 probes succeeded',
    ]);
    // A second model that comes while the first is off is no news of the first.
    const alone = status(inAll(of('opus', opened)), first);
    expect(breakerPolicyEvents(alone, status(both(opened), alone))).toEqual([]);
  });

  it('reports an opened circuit once, not for each pod', () => {
    const next = status(inAll(opened), first);
    expect(lines(breakerPolicyEvents(first, next))).toEqual([
      `Warning CircuitOpened Circuit model/primary of triage opened in 3/3 pods: ${reason}`,
    ]);
    expect(breakerPolicyEvents(next, status(inAll(opened), next))).toEqual([]);
  });

  it('reports again when a circuit is open in all pods', () => {
    const one = status([pod('a', opened), pod('b'), pod('c')], first);
    const two = status([pod('a', opened), pod('b', opened), pod('c')], one);
    const all = status(inAll(opened), two);
    expect(lines(breakerPolicyEvents(first, one))).toEqual([
      `Warning CircuitOpened Circuit model/primary of triage opened in 1/3 pods: ${reason}`,
    ]);
    expect(breakerPolicyEvents(one, two)).toEqual([]);
    expect(lines(breakerPolicyEvents(two, all))).toEqual([
      `Warning CircuitOpened Circuit model/primary of triage is now open in 3/3 pods: ${reason}`,
    ]);
  });

  it('reports probes, a circuit that opens again, and one that closes', () => {
    const open = status(inAll(opened), first);
    const probing = status(inAll(halfOpen), open);
    expect(lines(breakerPolicyEvents(open, probing))).toEqual([
      'Normal CircuitHalfOpen Circuit model/primary of triage lets probes through in 3/3 pods',
    ]);
    const again = status(inAll(opened), probing);
    expect(lines(breakerPolicyEvents(probing, again))[0]).toContain('opened again in 3/3 pods');
    const good = status(inAll(closed), probing);
    expect(lines(breakerPolicyEvents(probing, good))).toEqual([
      'Normal CircuitClosed Circuit model/primary of triage closed in 3/3 pods: 2 probes succeeded',
    ]);
  });

  it('does not repeat events after an outage of the operator', () => {
    const open = status(inAll(opened), first);
    const away = status([strangePod('a')], open);
    const back = status(inAll(opened), away);
    expect(breakerPolicyEvents(open, away)).toEqual([]);
    expect(breakerPolicyEvents(away, back)).toEqual([]);
  });

  it('reports circuits that opened during an outage of the operator', () => {
    const away = status([strangePod('a')], first);
    const back = status(inAll(opened), away);
    expect(lines(breakerPolicyEvents(away, back))).toHaveLength(1);
  });

  it('reports nothing for a policy that starts well', () => {
    expect(breakerPolicyEvents(undefined, first)).toEqual([]);
  });

  it('reports the beginning and the end of an override', () => {
    const override = { state: 'Open' as const, reason: 'maintenance' };
    const orders = [breakerFixture('triage', { override })];
    const report = { circuits: [circuit('Open', { since: ago(5), overridden: 'Open' })] };
    const held = status(inAll(report), first, orders);
    expect(lines(breakerPolicyEvents(first, held))).toEqual([
      'Warning CircuitOverridden spec.override (maintenance) holds circuits open until it is removed: model/primary of triage in 3/3 pods.',
      'Warning CircuitOpened Circuit model/primary of triage opened in 3/3 pods',
    ]);
    expect(breakerPolicyEvents(held, status([strangePod('a')], held, orders))).toEqual([]);
    expect(lines(breakerPolicyEvents(held, status(inAll(halfOpen), held)))[0]).toBe(
      'Normal CircuitOverrideEnded spec.override has expired or was removed; circuits follow their calls again.',
    );
  });

  it('reports a reset that every pod has handled, but not the first token', () => {
    const done = (resetToken: string): CircuitBreakerPolicyStatus =>
      status(inAll({ circuits: [circuit('Closed', { handledResetToken: resetToken })] }), first, [
        breakerFixture('triage', { resetToken }),
      ]);
    expect(breakerPolicyEvents(first, done('1'))).toEqual([]);
    expect(lines(breakerPolicyEvents(done('1'), done('2')))).toEqual([
      'Normal CircuitsReset Every connected pod has closed its circuits for spec.resetToken 2.',
    ]);
  });

  it('reports an open circuit in shadow mode as Normal until it is enforced', () => {
    const shadow = [breakerFixture('triage', { mode: 'Shadow' })];
    const calm = status(well, undefined, shadow);
    const open = status(inAll(opened), calm, shadow);
    expect(lines(breakerPolicyEvents(calm, open))).toEqual([
      `Normal ShadowCircuitOpened In shadow mode, so nothing is rejected: Circuit model/primary of triage opened in 3/3 pods: ${reason}`,
    ]);
    expect(lines(breakerPolicyEvents(open, status(inAll(opened), open)))).toEqual([
      `Warning CircuitOpened Circuit model/primary of triage opened in 3/3 pods: ${reason}`,
    ]);
  });

  it('reports that another writer contests the status, once, and when that ends', () => {
    const contested = status(well, first, undefined, {
      ...{ kind: 'CircuitBreakerPolicy', name: 'triage', fields: ['.status'] },
    });
    expect(lines(breakerPolicyEvents(first, contested))).toEqual([
      'Warning ObjectContested Another writer changes .status of CircuitBreakerPolicy triage again and again, and the operator puts the object back less and less often. "kubectl get CircuitBreakerPolicy triage -o yaml --show-managed-fields" shows who it is. Stop it, or give each installation of Breakwater its own agents and policies by the values watchNamespaces or watchSelector of the chart.',
    ]);
    expect(breakerPolicyEvents(contested, contested)).toEqual([]);
    expect(lines(breakerPolicyEvents(contested, first))).toEqual([
      'Normal ContestEnded Another writer no longer changes the status of the policy.',
    ]);
  });

  it('reports a missing target and its return', () => {
    const lost = status([], first, [breakerFixture('triage', { targetRefs: [target('gone')] })]);
    expect(lines(breakerPolicyEvents(first, lost))[0]).toMatch(
      /^Warning TargetNotFound There is no AgentDeployment gone in this namespace/,
    );
    const found = status(well, lost);
    expect(lines(breakerPolicyEvents(lost, found))).toEqual([
      'Normal PolicyAccepted In force on model/primary of triage.',
    ]);
  });

  it('reports a conflict', () => {
    const close = breakerFixture('close', { targetRefs: [target('triage/model/primary')] });
    const beaten = status([], first, [breakerFixture(), close]);
    expect(lines(breakerPolicyEvents(first, beaten))).toEqual([
      expect.stringMatching(/^Warning PolicyConflicted .*close holds triage\/model\/primary/),
    ]);
  });

  it('reports a configuration that a pod refuses', () => {
    const refused = { source: 'Link', message: 'circuits/0', time: ago(1) };
    const bad = pod('a', { configuration: { unsupported: [], refused } }, { hash: 'sha256:old' });
    expect(lines(breakerPolicyEvents(first, status([bad], first)))).toEqual([
      expect.stringMatching(/^Warning ConfigurationRefused 0\/1 pods .* Pod a refused/),
    ]);
    const pending = status([strangePod('a'), ...well], first);
    expect(breakerPolicyEvents(first, pending)).toEqual([]);
  });
});

describe('rateLimitPolicyEvents', () => {
  it('reports a used-up limit and its recovery', () => {
    const [attachment] = attach({ breakers: [], limits: [limitFixture()] }, [
      agentFixture(),
    ]).limits;
    const status = (pods: PodObservation[]): ReturnType<typeof rateLimitPolicyStatus> =>
      rateLimitPolicyStatus({
        attachment: attachment!,
        agents: new Map([['triage', observation(pods)]]),
        previous: undefined,
        now: NOW,
      });
    const flowing = status(well);
    const limiting = status(inAll({ limits: [limit({ limiting: true })] }));
    expect(lines(rateLimitPolicyEvents(flowing, limiting))).toEqual([
      expect.stringMatching(/^Warning RateLimitExhausted 3\/3 pods answer 429/),
    ]);
    expect(lines(rateLimitPolicyEvents(limiting, flowing))).toEqual([
      'Normal RateLimitRecovered No request is rejected.',
    ]);
    expect(rateLimitPolicyEvents(undefined, flowing)).toEqual([]);
    const exhausted = flowing.conditions!.find(({ type }) => type === 'Exhausted')!;
    const others = flowing.conditions!.filter((one) => one !== exhausted);
    const shadow = { ...flowing, conditions: [...others, { ...exhausted, reason: 'Shadow' }] };
    expect(rateLimitPolicyEvents(flowing, shadow)).toEqual([]);
  });
});

it('rateLimitPolicyEvents reports an override of limits and its end', () => {
  const override = {
    limits: [{ name: 'requests', refill: { amount: 5, per: '1s' } }],
    expiresAt: '2099-01-01T00:00:00Z',
  };
  const limits = [limitFixture('triage', { override })];
  const [attachment] = attach({ breakers: [], limits }, [agentFixture()]).limits;
  const status = (pods: PodObservation[]): ReturnType<typeof rateLimitPolicyStatus> =>
    rateLimitPolicyStatus({
      attachment: attachment!,
      agents: new Map([['triage', observation(pods)]]),
      ...{ previous: undefined, now: NOW },
    });
  const before = status(well);
  const held = status(inAll({ limits: [limit({ overridden: true })] }));
  expect(lines(rateLimitPolicyEvents(before, held))).toEqual([
    expect.stringMatching(/^Warning LimitsOverridden spec\.override holds requests at 5 per 1s/),
  ]);
  const others = held.conditions!.filter(({ type }) => type !== 'LimitsOverridden');
  expect(lines(rateLimitPolicyEvents(held, { ...held, conditions: others }))).toEqual([
    expect.stringMatching(/^Normal LimitsOverrideEnded/),
  ]);
  // Pods that are silent say nothing of the override.
  expect(rateLimitPolicyEvents(held, before)).toEqual([]);
});

describe('agentEvents', () => {
  const agent = agentFixture();
  const { agents } = attach({ breakers: [breakerFixture()], limits: [] }, [agent]);
  const plan = planAgent({ agent, attachment: agents.get('triage')!, options: OPTIONS });
  const step = (
    pods: PodObservation[],
    previous?: AgentDeploymentStatus,
    now = NOW,
  ): [AgentDeploymentStatus, string[]] => {
    const seen = observation(pods);
    const next = agentStatus({ agent, plan, observation: seen, previous, now });
    return [next, lines(agentEvents({ agent, plan, observation: seen, now }, previous, next))];
  };
  const [first, none] = step(well);

  it('tells that another writer contests an object, and when that ends', () => {
    const contest = {
      ...{ kind: 'Deployment', name: 'triage' },
      fields: ['.spec.replicas'],
    };
    const next = (
      contests: Contest[],
      previous?: AgentDeploymentStatus,
    ): [AgentDeploymentStatus, string[]] => {
      const seen = observation(well, { contests });
      const status = agentStatus({ agent, plan, observation: seen, previous, now: NOW });
      const inputs = { agent, plan, observation: seen, now: NOW };
      return [status, lines(agentEvents(inputs, previous, status))];
    };
    const [contested, begun] = next([contest], first);
    expect(begun).toEqual([
      expect.stringMatching(/^Warning ObjectContested Another writer changes .spec.replicas of/),
    ]);
    const [still, silent] = next([contest], contested);
    expect(silent).toEqual([]);
    expect(next([], still)[1]).toEqual([
      'Normal ContestEnded Another writer no longer changes objects of the agent.',
    ]);
  });

  it('reports security incidents once, and again when they escalate', () => {
    const saw = (level: 'Low' | 'High'): PodObservation[] =>
      well.map((each) => ({
        ...each,
        snapshot: {
          ...each.snapshot!,
          security: {
            open: 1,
            counts: [],
            incidents: [
              {
                ...{ id: `of ${each.name}`, type: 'SecretExposed', level, count: 1 },
                ...{ since: ago(5), lastSeen: ago(1), message: 'A secret was seen.' },
              },
            ],
          },
        },
      }));
    const [low, begun] = step(saw('Low'), first);
    expect(begun).toHaveLength(well.length);
    expect(begun[0]).toContain('SecurityIncident');
    expect(begun[0]).toContain('Low threat: SecretExposed, seen 1 times');
    const [high, escalated] = step(saw('High'), low);
    expect(escalated).toHaveLength(well.length);
    expect(step(saw('High'), high)[1]).toEqual([]);
    expect(step(well, high)[1]).toEqual([]);
  });

  it('reports circuits, with and without a policy', () => {
    expect(none).toEqual([]);
    const { policy: _policy, ...circuitWithout } = opened.circuits[0]!;
    const [, events] = step(inAll({ circuits: [circuitWithout] }), first);
    expect(events).toEqual([
      `Warning CircuitOpened Circuit model/primary of triage opened in 3/3 pods: ${reason}`,
    ]);
  });

  it('does not repeat events after an outage of the operator', () => {
    const [open] = step(inAll(opened), first);
    const [away, silent] = step([strangePod('a')], open);
    const [, events] = step(inAll(opened), away);
    expect([...silent, ...events]).toEqual([]);
  });

  it('reports a gate that shuts, changes or opens', () => {
    const gates = (gate: 'None' | 'RateLimited' | 'Unauthorized'): PodObservation[] =>
      inAll({ gates: [{ dependency: 'model/primary', gate, until: ago(-60) }] });
    const [limited, shut] = step(gates('RateLimited'), first);
    const [refused, other] = step(gates('Unauthorized'), limited);
    const [, opens] = step(gates('None'), refused);
    expect([shut, other, opens]).toEqual([
      [
        `Warning DependencyRateLimited The provider's rate limit holds calls to model/primary back in 3/3 pods until ${ago(-60)}.`,
      ],
      [expect.stringMatching(/^Warning DependencyUnauthorized The provider refuses the API key/)],
      ['Normal DependencyAvailable Calls to model/primary are not held back.'],
    ]);
    expect(step(gates('RateLimited'), limited)[1]).toEqual([]);
    expect(step(gates('None'), first)[1]).toEqual([]);
  });

  it('reports changed tools of an MCP server, once for all pods, and withheld tools', () => {
    const hashes = ['a', 'b', 'c'].map((digit) => `sha256:${digit.repeat(64)}`);
    const change = { before: hashes[0]!, added: ['x'], removed: [], changed: ['count\nrm'] };
    const tools = (hash: number, rest: object = {}): object => ({
      mcpServers: [{ name: 'stock', toolsHash: hashes[hash], tools: 2, withheld: false, ...rest }],
    });
    const spec = { mcpServers: [{ name: 'stock', url: 'http://stock/mcp' }] };
    const of = { ...agent, spec: { ...agent.spec, ...spec } } as typeof agent;
    const next = (
      pods: PodObservation[],
      previous?: AgentDeploymentStatus,
    ): [AgentDeploymentStatus, string[]] => {
      const seen = observation(pods);
      const now = agentStatus({ agent: of, plan, observation: seen, previous, now: NOW });
      return [
        now,
        lines(agentEvents({ agent: of, plan, observation: seen, now: NOW }, previous, now)),
      ];
    };
    const shown = { name: 'stock', tools: 2, withheldPods: 0 };
    const [before, silent] = next([pod('a', tools(0)), pod('b', tools(0)), pod('c')]);
    expect(before.mcpServers).toEqual([{ ...shown, toolsHash: hashes[0], pods: '2/2' }]);
    expect(silent).toEqual([]);
    // Pods see it one after the other.
    const half = [pod('a', tools(1, { change })), pod('b', tools(0))];
    const [some, still] = next(half, before);
    expect(some.mcpServers).toEqual([{ ...shown, toolsHash: hashes[0], pods: '1/2' }]);
    expect(still).toEqual([]);
    const [after, events] = next(inAll(tools(1, { change })), some);
    expect(after.mcpServers).toEqual([{ ...shown, toolsHash: hashes[1], pods: '3/3' }]);
    expect(events).toEqual([
      `Warning McpToolsChanged The MCP server stock offers other tools than before (toolsHash ${hashes[1]}, was ${hashes[0]}): added x; changed count rm`,
    ]);
    // The operator was away, and pods were made anew meanwhile.
    const [away, quiet] = next([strangePod('a')], after);
    expect(away.mcpServers).toEqual(after.mcpServers);
    const [back, returned] = next(inAll(tools(2, { withheld: true })), away);
    const why = `The tools of the MCP server stock are withheld from the model in 3 pods, because spec.mcpServers[stock].toolsHash pins others; look at what the server offers, and set ${hashes[2]} to take it.`;
    expect([quiet, returned]).toEqual([
      [],
      [
        `Warning McpToolsChanged The MCP server stock offers other tools than before (toolsHash ${hashes[2]}, was ${hashes[1]})`,
        `Warning McpToolsWithheld ${why}`,
      ],
    ]);
    const healthy = back.conditions?.find(({ type }) => type === 'DependenciesHealthy');
    expect(healthy).toMatchObject({ status: 'False', reason: 'ToolsWithheld', message: why });
    expect(next(inAll(tools(2, { withheld: true })), back)[1]).toEqual([]);
    // One that the spec does not name, and one that a pod names often, count for nothing.
    const liar = tools(1) as { mcpServers: object[] };
    const often = { mcpServers: Array(16).fill(liar.mcpServers[0]) as object[] } as object;
    const alone = next([pod('a', often), pod('b', tools(2)), pod('c', tools(2))], back);
    expect(alone[0].mcpServers).toMatchObject([{ toolsHash: hashes[2], pods: '2/3' }]);
    expect(step(inAll(tools(1)), first)[0].mcpServers).toBeUndefined();
  });

  it('shows what an MCP server speaks with most pods, and whether a pod has an old list', () => {
    const toolsHash = `sha256:${'a'.repeat(64)}`;
    const tools = (rest: object = {}): object => ({
      mcpServers: [{ name: 'stock', toolsHash, tools: 2, withheld: false, ...rest }],
    });
    const spec = { mcpServers: [{ name: 'stock', url: 'http://stock/mcp' }] };
    const of = { ...agent, spec: { ...agent.spec, ...spec } } as typeof agent;
    const shown = (pods: PodObservation[]): unknown =>
      agentStatus({
        agent: of,
        plan,
        observation: observation(pods),
        previous: undefined,
        now: NOW,
      }).mcpServers![0];
    const modern = { protocolVersion: '2026-07-28', stale: false };
    const earlier = { protocolVersion: '2025-11-25', stale: true };
    const most = [pod('a', tools(earlier)), pod('b', tools(modern)), pod('c', tools(modern))];
    expect(shown(most)).toMatchObject({ protocolVersion: '2026-07-28', stale: true });
    expect(shown([pod('a', tools(modern))])).toMatchObject(modern);
    // Runtimes that are too old to tell.
    expect(Object.keys(shown([pod('a', tools())]) as object)).not.toContain('stale');
  });

  it('reports a missing Secret and its return', () => {
    const missingCredentials = [
      { dependency: 'model/primary', secret: 'anthropic', key: 'api-key' },
    ];
    const [lost, events] = step(inAll({ missingCredentials }), first);
    expect(events).toEqual([
      expect.stringMatching(/^Warning SecretNotFound Key api-key of Secret anthropic/),
    ]);
    expect(step(well, lost)[1]).toEqual(['Normal AgentReady 3/3 pods are ready.']);
  });
});
