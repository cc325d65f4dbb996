import { describe, expect, it } from '@jest/globals';
import {
  agent,
  ago,
  attacked,
  breaker,
  condition,
  guarded,
  limit,
  NOW,
  openBreaker,
  scaled,
  world,
} from './fixtures.ts';
import { explain, explainAll } from './why.ts';
import type { World } from './world.ts';

const HEALTHY = 'DependenciesHealthy';
const open = {
  agents: [agent([condition(HEALTHY, 'False', 'CircuitOpen')], { circuit: 'Open' })],
  breakers: [openBreaker()],
};

/** The explanation of the agent. */
const why = (parts: Partial<World>): string => {
  const all = world(parts);
  return explain(all.agents[0]!, all, NOW).text;
};

describe('explain', () => {
  it('repeats the status of a healthy agent', () => {
    const all = world();
    expect(explain(all.agents[0]!, all, NOW)).toMatchObject({
      refused: false,
      findings: [],
      text: 'AgentDeployment shop/triage: nothing is refused. 2/2 pods are ready. Every circuit is closed. 2/2 policies are in force.',
    });
  });

  it('names an open circuit, its policy, since when, why, until when and what to do', () => {
    expect(why(open)).toBe(
      'AgentDeployment shop/triage: The circuit of model/primary of triage in 2/2 pods is open, so that calls fail at once,' +
        ' since 09:59:20 UTC (40s) by CircuitBreakerPolicy patience: 5 consecutive failures (Overloaded).' +
        ' The last failure, 41s ago: Overloaded, answered 529.' +
        ' The next probe goes at 10:00:12 UTC, in 12s.' +
        ' What to do: The provider is short of capacity: wait, or add an endpoint.' +
        ' The circuit closes by itself once probes succeed; to close it now: kubectl breakwater reset patience -n shop.',
    );
  });

  it('names the share that the last usable endpoint serves', () => {
    const agents = [agent([], { name: 'model/north', servedPercent: 62 })];
    expect(why({ agents })).toBe(
      'AgentDeployment shop/triage: north serves 62 % of its calls; it stays in use because no other endpoint can serve.',
    );
    const all = world({ agents });
    expect(explain(all.breakers[0]!, all, NOW).text).toContain('north serves 62 % of its calls');
  });

  it('names fields that were renamed or removed, which refuse nothing', () => {
    const message = 'spec.limits was renamed in 0.2.0 and is read until 0.3.0.';
    const fields = condition('DeprecatedFields', 'True', 'FieldsRenamed', message);
    const all = world({ agents: [agent([fields])], breakers: [breaker([fields])] });
    for (const object of [all.agents[0]!, all.breakers[0]!]) {
      const { text, refused } = explain(object, all, NOW);
      expect([text.endsWith(`. ${message}`), refused]).toEqual([true, false]);
    }
  });

  it('names blocked clients, since when, why and until when', () => {
    const all = world({ agents: [guarded()] });
    const { text, refused } = explain(all.agents[0]!, all, NOW);
    expect(refused).toBe(true);
    expect(text).toBe(
      'AgentDeployment shop/triage:\n  The address 192.0.2.1 is blocked (403 ClientBlocked) in 2 pods' +
        ' since 09:59:20 UTC (40s), until 10:09:20 UTC, for another 9m20s,' +
        ' by spec.security.responses of AgentDeployment triage: BruteForceAttack of level High, incident i1.' +
        '\n  The client alice is throttled (429 ClientThrottled) in 1 pod since 09:59:50 UTC (10s), until the incident closes,' +
        ' by spec.security.responses of AgentDeployment triage: RateLimitAbuse of level Low, incident i2.' +
        '\n  To lift responses now, change spec.security.responses; any change lifts all of them.',
    );
  });

  it('explains the policy in the same way', () => {
    const all = world(open);
    const { text, findings } = explain(all.breakers[0]!, all, NOW);
    expect(text).toContain('CircuitBreakerPolicy shop/patience: The circuit of model/primary');
    expect(findings).toMatchObject([{ what: 'Circuit', reason: 'Open', since: ago(40) }]);
  });

  it.each([['a policy that another installation writes too', 'Contested', 'ObjectContested']])(
    'names %s',
    (_case, type, reason) => {
      const { status, ...rest } = breaker();
      const conditions = [
        ...status!.conditions!,
        condition(type, 'True', reason, 'What it means.'),
      ];
      const breakers = [{ ...rest, status: { ...status, conditions } } as typeof rest];
      expect(why({ breakers })).toContain('What it means.');
      const all = world({ breakers });
      expect(explain(all.breakers[0]!, all, NOW).text).toContain('What it means.');
    },
  );

  it('names an override and not the failures before it', () => {
    const held = 'spec.override (maintenance) holds circuits open until noon.';
    const { status, ...rest } = openBreaker();
    const tripped = condition('Tripped', 'True', 'Override', held);
    const breakers = [{ ...rest, status: { ...status, conditions: [tripped] } }];
    const text = why({ ...open, breakers });
    expect(text).toContain(`by CircuitBreakerPolicy patience: ${held} What to do`);
    expect(text).not.toContain('short of capacity');
    expect(text).toContain('the override ends; to end it now: kubectl breakwater reset patience');
  });

  it('names no policy for a circuit of the built-in defaults', () => {
    const message = 'The circuit of model/primary is open in 2/2 pods: 5 consecutive failures.';
    const policies = [{ kind: 'CircuitBreakerPolicy', source: 'Default' as const }];
    const healthy = condition(HEALTHY, 'False', 'CircuitOpen', message);
    const text = why({ agents: [agent([healthy], { circuit: 'Open', policies })], breakers: [] });
    expect(text).toContain(`by the built-in defaults: ${message} What to do`);
    expect(text).not.toContain('reset');
  });

  it('names the model of a circuit where an endpoint serves several', () => {
    const policy = openBreaker();
    const [circuit] = policy.status!.circuits!;
    policy.status!.circuits = [
      { ...circuit!, model: 'opus' },
      { ...circuit!, state: 'Closed' },
    ];
    const text = why({ ...open, breakers: [policy] });
    expect(text).toContain('The circuit of model/primary (opus) of triage in 2/2 pods is open');
    expect(text).not.toContain('model/primary of');
  });

  it.each([
    [
      'a refused key',
      {
        agents: [
          agent([condition(HEALTHY, 'False', 'Unauthorized', 'The provider refuses the key.')], {
            gate: 'Unauthorized',
          }),
        ],
      },
      'AgentDeployment triage says Unauthorized since 09:56:00 UTC (4m): The provider refuses the key.',
    ],
    [
      'a limit that is used up',
      { limits: [limit([condition('Exhausted', 'True', 'Limiting', 'Pods answer 429.')])] },
      'RateLimitPolicy turnstile says Limiting since 09:56:00 UTC (4m): Pods answer 429.',
    ],
    [
      'a policy in conflict',
      { breakers: [breaker([condition('Accepted', 'False', 'Conflicted', 'Others hold it.')])] },
      'CircuitBreakerPolicy patience says Conflicted since 09:56:00 UTC (4m): Others hold it.',
    ],
    [
      'a pod without a link',
      {
        breakers: [breaker([condition('Programmed', 'False', 'Pending', 'waiting: a (no link)')])],
      },
      'CircuitBreakerPolicy patience says Pending since 09:56:00 UTC (4m): waiting: a (no link).',
    ],
    [
      'a missing Secret',
      { agents: [agent([condition('Ready', 'False', 'SecretNotFound', 'Create it.')])] },
      'AgentDeployment triage says SecretNotFound since 09:56:00 UTC (4m): Create it.',
    ],
  ])('names %s', (_, parts, expected) => {
    expect(why(parts)).toBe(`AgentDeployment shop/triage: ${expected}`);
  });

  it.each([
    ['a pod that cannot start', condition('Ready', 'True', 'PodsBlocked', 'It has no node.')],
    ['a rollout that waits', condition('Progressing', 'True', 'RollingOut', '1/2 pods run it.')],
  ])('names %s although the agent is ready', (_case, { type, ...rest }) => {
    const one = agent();
    const others = one.status!.conditions!.filter((each) => each.type !== type);
    one.status!.conditions = [...others, { type, ...rest }];
    expect(why({ agents: [one] })).toContain(`says ${rest.reason} since`);
  });

  it.each([
    [
      'an open incident',
      attacked(),
      'An incident is open since 09:59:20 UTC (40s): Critical threat',
    ],
    ['a missing KEDA', scaled(condition('ScaledByLoad', 'False', 'Absent')), 'says Absent since'],
    [
      'autoscaling that does not scale',
      scaled(condition('ScalingManaged', 'False', 'FailedGetMetrics')),
      'says FailedGetMetrics since',
    ],
    [
      'an audit that is not delivered',
      agent([condition('AuditDelivered', 'False', 'AuditLost')]),
      'says AuditLost since',
    ],
    [
      'a health check that fails',
      agent([condition(HEALTHY, 'False', 'HealthCheckFailing')]),
      'says HealthCheckFailing since',
    ],
  ])('names %s', (_case, one, expected) => {
    expect(why({ agents: [one] })).toContain(expected);
  });

  it('says nothing about an agent that is not to scale', () => {
    expect(
      why({ agents: [agent([condition('ScalingManaged', 'False', 'AutoscalingOff')])] }),
    ).toMatch(/nothing is refused/);
  });

  it('has a line for each cause, what refuses requests first', () => {
    const degraded = condition('Degraded', 'True', 'RollOutFailed', 'The rollout stopped.');
    const agents = [agent([degraded], { circuit: 'Open' })];
    expect(why({ ...open, agents }).split('\n')).toEqual([
      'AgentDeployment shop/triage:',
      expect.stringMatching(/^ {2}The circuit of model\/primary .* is open/),
      expect.stringMatching(/^ {2}AgentDeployment triage says RollOutFailed/),
      expect.stringMatching(/^ {2}What to do: /),
    ]);
  });

  it('says once that another writer changes the agent and its policies', () => {
    const contest = (type: string) => condition(type, 'True', 'ObjectContested', `Of ${type}.`);
    const agents = [agent([contest('Degraded')])];
    const breakers = [breaker([contest('Contested')])];
    const limits = [limit([contest('Contested')])];
    expect(why({ agents, breakers, limits })).toBe(
      'AgentDeployment shop/triage: AgentDeployment triage, CircuitBreakerPolicy patience, RateLimitPolicy turnstile' +
        ' says ObjectContested since 09:56:00 UTC (4m): Of Degraded.',
    );
  });

  it('explains all objects of which there is something to say, the gravest first', () => {
    const named = (name: string, one = agent()) => ({
      ...one,
      metadata: { ...one.metadata, name },
    });
    const late = condition('Degraded', 'True', 'RollOutFailed');
    const down = condition('Ready', 'False', 'SecretNotFound');
    const agents = [named('a'), named('b', agent([late])), named('c', agent([down]))];
    const policy = breaker([condition('Accepted', 'False', 'TargetNotFound')]);
    const all = explainAll(world({ agents, breakers: [policy], limits: [] }), NOW);
    expect(all.map(({ name }) => name)).toEqual(['c', 'b', 'patience']);
  });

  it('names a selector that matches nothing', () => {
    const accepted = condition('Accepted', 'True', 'NoTargets', 'No agent matches.');
    const policy = breaker([accepted]);
    expect(explain(policy, world({ breakers: [policy] }), NOW).text).toContain('says NoTargets');
  });

  it('says that the operator has not seen an edit yet', () => {
    const { metadata, ...rest } = breaker();
    const policy = { ...rest, metadata: { ...metadata, generation: 2 } };
    expect(explain(policy, world({ breakers: [policy] }), NOW).text).toContain(
      'The operator has not looked at generation 2 yet.',
    );
  });

  it('leaves out policies for other agents', () => {
    const refused = condition('Accepted', 'False', 'Conflicted');
    const other = breaker([refused], {}, { targetRefs: [{ name: 'other' }] as never });
    expect(why({ breakers: [breaker(), other] })).toContain('nothing is refused');
  });
});
