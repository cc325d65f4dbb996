import { describe, expect, it } from '@jest/globals';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import fc from '../../../test/property.ts';
import { attach } from './attach.ts';
import { claimAlike } from './versions.ts';
import type { Attachment, Section } from './attachment.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  endpoint,
  limitFixture,
  modelOf,
  selector,
  target,
} from '../../testing/fixtures.ts';

const triage = agentFixture('triage', {}, { labels: { tier: 'gold' } });
const billing = agentFixture('billing', {}, { labels: { tier: 'gold', team: 'money' } });
const old = { creationTimestamp: '2026-01-01T00:00:00Z' };
const young = { creationTimestamp: '2026-06-01T00:00:00Z' };

const breakers = (...policies: CircuitBreakerPolicy[]): Attachment =>
  attach({ breakers: policies, limits: [] }, [triage, billing]);
const limits = (...policies: RateLimitPolicy[]): Attachment =>
  attach({ breakers: [], limits: policies }, [triage, billing]);
const holder = (attachment: Attachment, agent: string, section: string): string | undefined =>
  attachment.agents.get(agent)?.circuits.get(section)?.metadata.name;
const conditions = (attachment: Attachment, name: string): [string, string, string, string] => {
  const one = [...attachment.breakers, ...attachment.limits].find(
    ({ policy }) => policy.metadata.name === name,
  )!;
  const { accepted, overridden } = one;
  return [accepted.status, accepted.reason, overridden.status, overridden.reason];
};

describe('attach', () => {
  it('gives a dependency to the policy that names its agent', () => {
    const attachment = breakers(breakerFixture('a'));
    expect(attachment.breakers[0]).toMatchObject({
      targets: ['triage'],
      won: [{ agent: 'triage', section: 'model/primary' }],
      lost: [],
      missing: [],
      accepted: { message: 'In force on model/primary of triage.' },
    });
    expect(conditions(attachment, 'a')).toEqual(['True', 'Accepted', 'False', 'NotOverridden']);
    expect(holder(attachment, 'triage', 'model/primary')).toBe('a');
    expect(attachment.agents.get('billing')?.circuits.size).toBe(0);
  });

  it('gives every agent that a selector matches', () => {
    const attachment = breakers(
      breakerFixture('a', { targetSelectors: [selector({ tier: 'gold' })] }),
    );
    expect(attachment.breakers[0]!.targets).toEqual(['billing', 'triage']);
    const both = breakers(
      breakerFixture('a', { targetSelectors: [selector({ tier: 'gold', team: 'money' })] }),
    );
    expect(both.breakers[0]!.targets).toEqual(['billing']);
  });

  it('limits the requests to an agent, or with a sectionName its calls of a dependency', () => {
    const attachment = limits(
      limitFixture('taken'),
      limitFixture('called', { targetRefs: [target('triage/model/primary')] }),
    );
    const held = attachment.agents.get('triage')!.limits;
    expect([...held].map(([section, policy]) => [section, policy.metadata.name])).toEqual([
      ['inbound', 'taken'],
      ['model/primary', 'called'],
    ]);
  });

  it('tells tools and MCP servers apart from endpoints of the same name', () => {
    const request = { url: 'https://example.com', method: 'GET', maxResponseBytes: 1 } as const;
    const tool = {
      name: 'primary',
      description: 'A tool.',
      inputSchema: {},
      http: request,
      maxConcurrent: 1,
    };
    const bounds = { maxConcurrent: 1, maxResponseBytes: 1 };
    const server = { name: 'primary', url: request.url, checkInterval: '30s', ...bounds };
    const skilled = agentFixture('triage', { tools: [tool], mcpServers: [server] });
    const named = (kind: string) => ({ targetRefs: [target(`triage/${kind}/primary`)] });
    const attachment = attach(
      {
        breakers: [breakerFixture('rest'), breakerFixture('tools', named('tool'))],
        limits: [limitFixture('servers', named('mcp')), limitFixture('none', named('nothing'))],
      },
      [skilled],
    );
    expect(holder(attachment, 'triage', 'model/primary')).toBe('rest');
    expect(holder(attachment, 'triage', 'tool/primary')).toBe('tools');
    expect(holder(attachment, 'triage', 'mcp/primary')).toBe('rest');
    expect([...attachment.agents.get('triage')!.limits.keys()]).toEqual(['mcp/primary']);
    expect(conditions(attachment, 'none').slice(0, 2)).toEqual(['False', 'TargetNotFound']);
  });

  const section = { targetRefs: [target('triage/model/primary')] };
  const name = { targetRefs: [target('triage')] };
  const byLabel = { targetSelectors: [selector({ tier: 'gold' })] };
  it.each([
    [
      'a sectionName',
      'a name',
      breakerFixture('z', section, young),
      breakerFixture('a', name, old),
    ],
    ['a name', 'a selector', breakerFixture('z', name, young), breakerFixture('a', byLabel, old)],
    ['the older', 'the younger', breakerFixture('z', name, old), breakerFixture('a', name, young)],
    [
      'the first name',
      'a later name',
      breakerFixture('a', name, old),
      breakerFixture('b', name, old),
    ],
  ])('%s beats %s', (_winner, _loser, winner, loser) => {
    for (const order of [
      [winner, loser],
      [loser, winner],
    ]) {
      expect(holder(breakers(...order), 'triage', 'model/primary')).toBe(winner.metadata.name);
    }
  });

  it('ranks a policy that names a section in two ways by the more specific one', () => {
    const twice = breakerFixture(
      'z',
      { targetRefs: [target('triage'), target('triage/model/primary')] },
      young,
    );
    const attachment = breakers(twice, breakerFixture('a', section, old));
    expect(holder(attachment, 'triage', 'model/primary')).toBe('a');
    const againstName = breakers(twice, breakerFixture('a', name, old));
    expect(holder(againstName, 'triage', 'model/primary')).toBe('z');
    expect(againstName.breakers.find(({ policy }) => policy === twice)!.won).toHaveLength(1);
  });

  it('names the policy that takes precedence, and where', () => {
    const attachment = breakers(
      breakerFixture('wide', byLabel),
      breakerFixture('close', section),
      breakerFixture('beaten', name),
    );
    expect(conditions(attachment, 'wide')).toEqual([
      'True',
      'Accepted',
      'True',
      'PartiallyOverridden',
    ]);
    const wide = attachment.breakers.find(({ policy }) => policy.metadata.name === 'wide')!;
    expect(wide.overridden.message).toBe(
      'Another policy takes precedence: close holds triage/model/primary.',
    );
    expect(conditions(attachment, 'beaten')).toEqual(['False', 'Conflicted', 'True', 'Overridden']);
    const beaten = attachment.breakers.find(({ policy }) => policy.metadata.name === 'beaten')!;
    expect(beaten.accepted.message).toContain('close holds triage/model/primary');
    expect(beaten.lost).toEqual([{ agent: 'triage', section: 'model/primary', winner: 'close' }]);
  });

  it('names a missing target and applies to the others', () => {
    const attachment = breakers(
      breakerFixture('a', {
        targetRefs: [target('triage'), target('nobody'), target('billing/model/other')],
      }),
    );
    const [only] = attachment.breakers;
    expect(only!.missing).toEqual([
      { agent: 'nobody' },
      { agent: 'billing', section: 'model/other' },
    ]);
    expect(only!.accepted).toMatchObject({ status: 'False', reason: 'TargetNotFound' });
    expect(only!.accepted.message).toBe(
      'There is no AgentDeployment nobody in this namespace. AgentDeployment billing has no dependency model/other; ' +
        'it has model/primary. Correct spec.targetRefs, or create what it names. ' +
        'Meanwhile the policy is in force on triage.',
    );
    expect(holder(attachment, 'triage', 'model/primary')).toBe('a');
  });

  it('accepts a selector that matches nothing yet', () => {
    const [only] = breakers(
      breakerFixture('a', { targetSelectors: [selector({ tier: 'tin' })] }),
    ).breakers;
    expect(only!.accepted).toMatchObject({ status: 'True', reason: 'NoTargets' });
    expect(only!.accepted.message).toContain('No agent matches spec.targetSelectors.');
  });

  it.each([
    [breakerFixture('a', { openDuration: 'soon' }), 'spec.openDuration is "soon"'],
    [breakerFixture('a', { openDuration: '1h' }), 'must not be longer than spec.maxOpenDuration'],
    [
      limitFixture('a', { limits: [bucketFixture('r', { refill: { amount: 1, per: '0s' } })] }),
      'spec.limits[0].refill.per is 0s',
    ],
    [breakerFixture('a', { targetSelectors: [selector({ a: 'b' })], ...name }), 'exactly one of'],
    [
      breakerFixture('a', { trip: { failureRate: { percent: 50, minimumCalls: 10 } } }),
      'set exactly one of spec.trip.failureRate.window and spec.trip.failureRate.calls',
    ],
    [
      breakerFixture('a', { override: { state: 'Open', expiresAt: 'tomorrow' } }),
      'spec.override.expiresAt must be a time in RFC 3339',
    ],
    [
      limitFixture('a', { limits: [bucketFixture('r', { maxWait: '0s' })] }),
      'spec.limits[0].maxWait is 0s',
    ],
  ])('leaves out an invalid policy and applies the others (%#)', (policy, message) => {
    const attachment =
      policy.kind === 'CircuitBreakerPolicy'
        ? breakers(policy, breakerFixture('b'))
        : limits(policy, limitFixture('b'));
    const [first, second] = [...attachment.breakers, ...attachment.limits];
    expect(first!.accepted).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(first!.accepted.message).toContain(message);
    expect(first!.won).toEqual([]);
    expect(second!.won).toHaveLength(1);
  });
});

describe('attach, for any input,', () => {
  const names = ['a', 'b', 'c'];
  const sections = ['model/primary', 'model/backup'];
  const agents = fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1 })
    .map((chosen) =>
      chosen.map((name) =>
        agentFixture(
          name,
          { model: modelOf(endpoint('primary'), endpoint('backup')) },
          { labels: { first: String(name === 'a') } },
        ),
      ),
    );
  const refs = fc
    .uniqueArray(
      fc.constantFrom(
        ...[...names, 'gone'].flatMap((n) => [n, ...sections.map((s) => `${n}/${s}`)]),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((texts) => ({ targetRefs: texts.map(target) }));
  const selectors = fc.constantFrom('true', 'false', 'none').map((first) => ({
    targetSelectors: [selector({ first })],
  }));
  const policies = fc
    .uniqueArray(
      fc.record({
        name: fc.constantFrom('p', 'q', 'r', 's', 't'),
        spec: fc.oneof(refs, selectors),
        created: fc.constantFrom(old, young),
      }),
      { selector: ({ name }) => name },
    )
    .map((all) => ({
      breakers: all.map(({ name, spec, created }) => breakerFixture(name, spec, created)),
      limits: all.map(({ name, spec, created }) => limitFixture(name, spec, created)),
    }));
  const shuffled = <T>(seed: readonly T[], by: number): T[] =>
    seed.map((_, index) => seed[(index + by) % seed.length]!).reverse();
  const text = ({ agent, section }: Section): string => `${agent}/${section}`;

  it('gives each claimed section to exactly one policy, in all parts of the result', () => {
    fc.assert(
      fc.property(policies, agents, (some, all) => {
        const { breakers: kinds, agents: byName } = attach(some, all);
        const won = kinds.flatMap((one) => one.won.map(text));
        expect(new Set(won).size).toBe(won.length);
        const held = [...byName].flatMap(([agent, { circuits }]) =>
          [...circuits.keys()].map((section) => text({ agent, section })),
        );
        expect(held.sort()).toEqual(won.sort());
        for (const { lost, policy } of kinds) {
          for (const section of lost) {
            expect(section.winner).not.toBe(policy.metadata.name);
            expect(byName.get(section.agent)!.circuits.get(section.section)!.metadata.name).toBe(
              section.winner,
            );
          }
        }
      }),
    );
  });

  it('changes only the policy itself if a new version claims the same sections', () => {
    fc.assert(
      fc.property(policies, agents, fc.nat(5), (some, all, at) => {
        fc.pre(some.breakers.length > 0);
        const before = some.breakers[at % some.breakers.length]!;
        const after = { ...before, spec: { ...before.spec, openDuration: '31s' } };
        expect(claimAlike(before, after)).toBe(true);
        const edited = some.breakers.map((each) => (each === before ? after : each));
        const outcome = (breakers: CircuitBreakerPolicy[]): unknown => {
          const attachment = attach({ ...some, breakers }, all);
          return [
            attachment.breakers.map((each) => ({ ...each, policy: each.policy.metadata.name })),
            [...attachment.agents].map(([name, { circuits }]) => [
              name,
              [...circuits].map(([section, { metadata }]) => [section, metadata.name]),
            ]),
          ];
        };
        expect(outcome(edited)).toEqual(outcome(some.breakers));
      }),
    );
  });

  it('names the agents without the Redis that the limits of a policy need', () => {
    const limits = [bucketFixture('a', { key: { header: 'x-user' } })];
    const fleet = { store: 'Redis', storeTimeout: '1s', withoutLeader: 'Deny' } as const;
    const policy = limitFixture('p', { targetRefs: [target('a')], scope: 'Fleet', fleet, limits });
    const agent = agentFixture('a');
    const outcome = (one: AgentDeployment): unknown =>
      attach({ breakers: [], limits: [policy] }, [one]).limits[0];
    expect(outcome(agent)).toMatchObject({
      won: [{ agent: 'a', section: 'inbound' }],
      accepted: {
        status: 'False',
        reason: 'StoreNotFound',
        message:
          'spec.fleet.store is Redis, and AgentDeployment a has none. Set spec.redis of the agent. Until then fleet.withoutLeader (Deny) decides for each key.',
      },
    });
    const store = { type: 'Redis', redis: { url: 'redis://redis:6379' } } as const;
    const conversation = { ...agent.spec.conversation, store };
    const mended = { ...agent, spec: { ...agent.spec, conversation } };
    expect(outcome(mended)).toMatchObject({ accepted: { status: 'True' } });
    const leader = { ...policy, spec: { ...policy.spec, fleet: { ...fleet, store: 'Leader' } } };
    expect(claimAlike(policy, leader as RateLimitPolicy)).toBe(false);
  });

  it('names the agents that know no clients where a limit is by client', () => {
    const byClient = {
      targetRefs: [target('a')],
      limits: [bucketFixture('a', { key: { type: 'Client' } })],
    };
    const policy = limitFixture('p', byClient);
    const agent = agentFixture('a');
    const outcome = (one: AgentDeployment): unknown =>
      attach({ breakers: [], limits: [policy] }, [one]).limits[0];
    expect(outcome(agent)).toMatchObject({
      won: [{ agent: 'a', section: 'inbound' }],
      accepted: {
        status: 'False',
        reason: 'ClientsUnknown',
        message:
          'spec.limits[a].key is by client, and AgentDeployment a has auth.type None, which knows no clients. Set spec.auth of the agent to type APIKeys or JWT, or name a header in key. Until then all clients share one bucket.',
      },
    });
    const auth = { type: 'APIKeys', apiKeys: { secretRef: { name: 'clients' } } } as const;
    const known = { ...agent, spec: { ...agent.spec, auth } };
    expect(outcome(known)).toMatchObject({ accepted: { status: 'True' } });
    const shared = limitFixture('p', { ...byClient, limits: [bucketFixture('a')] });
    expect(claimAlike(policy, shared)).toBe(false);
  });

  it('may change if a new version claims other sections, is invalid or is another object', () => {
    const policy = breakerFixture('p', { targetRefs: [target('a')] });
    const { spec, metadata } = policy;
    expect(claimAlike(policy, { ...policy, spec: { ...spec, targetRefs: [target('b')] } })).toBe(
      false,
    );
    expect(claimAlike(policy, { ...policy, spec: { ...spec, openDuration: 'soon' } })).toBe(false);
    expect(claimAlike({ ...policy, spec: { ...spec, openDuration: 'soon' } }, policy)).toBe(false);
    expect(claimAlike(policy, { ...policy, metadata: { ...metadata, uid: 'other' } })).toBe(false);
  });

  it('does not depend on the order of its input', () => {
    fc.assert(
      fc.property(policies, agents, fc.nat(5), (some, all, by) => {
        const other = {
          breakers: shuffled(some.breakers, by),
          limits: shuffled(some.limits, by),
        };
        const turned: AgentDeployment[] = shuffled(all, by);
        expect(attach(other, turned)).toEqual(attach(some, all));
      }),
    );
  });
});
