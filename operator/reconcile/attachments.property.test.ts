import { expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import fc from '../../test/property.ts';
import type { Attachment, Policy, PolicyKind } from '../desired/policies/attachment.ts';
import type { Delta } from '../desired/policies/kindJoin.ts';
import { agentFixture, breakerFixture, target } from '../testing/fixtures.ts';
import { plainAttach } from '../testing/plainAttach.ts';
import { step, type Step } from '../testing/policyWorld.ts';
import { Attachments } from './attachments.ts';

const KINDS: readonly PolicyKind[] = ['CircuitBreakerPolicy', 'RateLimitPolicy'];
const NAMESPACES = ['support', 'sales'];

/** The caches, as watches fill them, and the attachments that hear of it. */
class World {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #policies = new Map<string, Policy>();
  #generation = 0;
  readonly attachments = new Attachments({
    agents: { list: (namespace: string) => within(this.#agents, namespace) },
    breakers: { list: (namespace: string) => this.#ofKind(KINDS[0]!, namespace) },
    limits: { list: (namespace: string) => this.#ofKind(KINDS[1]!, namespace) },
  } as never);

  /** @returns what the step affects; undefined if it changes nothing */
  take(namespace: string, each: Step): Delta | undefined {
    return each.kind === 'Agent'
      ? this.#put(this.#agents, `${namespace}/${each.name}`, namespace, each.agent)
      : this.#put(
          this.#policies,
          `${namespace}/${each.ref.kind}/${each.ref.name}`,
          namespace,
          each.policy,
        );
  }

  #put<V extends AgentDeployment | Policy>(
    all: Map<string, V>,
    key: string,
    namespace: string,
    object: V | undefined,
  ): Delta | undefined {
    const previous = all.get(key);
    this.#generation += 1;
    const { metadata } = object ?? {};
    const current = object && {
      ...object,
      metadata: { ...metadata, namespace, generation: this.#generation },
    };
    put(all as Map<string, object>, key, current);
    if (!current && !previous) return undefined;
    return this.attachments.apply(current, previous);
  }

  /** Everything is listed anew: what is not in the list is gone. */
  relist(namespace: string, steps: readonly Step[]): void {
    const there = new Set(steps.map((each) => nameOf(namespace, each)));
    for (const { metadata } of within(this.#agents, namespace)) {
      const gone: Step = { kind: 'Agent', name: metadata.name };
      if (!there.has(nameOf(namespace, gone))) this.take(namespace, gone);
    }
    for (const { kind, metadata } of within(this.#policies, namespace)) {
      const gone: Step = { kind: 'Policy', ref: { kind, name: metadata.name } };
      if (!there.has(nameOf(namespace, gone))) this.take(namespace, gone);
    }
    for (const each of steps) this.take(namespace, each);
  }

  /** By the plain function, of what is in the caches now. */
  plain(namespace: string): Attachment {
    const breakers = this.#ofKind(KINDS[0]!, namespace);
    const limits = this.#ofKind(KINDS[1]!, namespace);
    return plainAttach({ breakers, limits } as never, within(this.#agents, namespace));
  }

  #ofKind(kind: PolicyKind, namespace: string): Policy[] {
    return within(this.#policies, namespace).filter((policy) => policy.kind === kind);
  }
}

const nameOf = (namespace: string, each: Step): string =>
  each.kind === 'Agent'
    ? `${namespace}/${each.name}`
    : `${namespace}/${each.ref.kind}/${each.ref.name}`;

function within<T>(map: Map<string, T>, namespace: string): T[] {
  return [...map].filter(([key]) => key.startsWith(`${namespace}/`)).map(([, value]) => value);
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value) map.set(key, value);
  else map.delete(key);
}

const refOf = (kind: PolicyKind, name: string): string => `${kind}/${name}`;

/** The policies that target an agent. `named` adds those that name it. */
function policiesOf({ breakers, limits }: Attachment, agent: string, named: boolean): string[] {
  return [...breakers, ...limits]
    .filter(
      ({ policy: { spec }, targets }) =>
        targets.includes(agent) || (named && spec.targetRefs?.some(({ name }) => name === agent)),
    )
    .map(({ policy: { kind, metadata } }) => refOf(kind, metadata.name));
}

/** What a step affects, by comparison of the plain joins before and after it. */
function plainDelta(before: Attachment, after: Attachment, each: Step): [string[], string[]] {
  const targetsOf = ({ breakers, limits }: Attachment, ref: string): string[] =>
    [...breakers, ...limits].find(
      ({ policy: { kind, metadata } }) => refOf(kind, metadata.name) === ref,
    )?.targets ?? [];
  const ref = each.kind === 'Policy' ? refOf(each.ref.kind, each.ref.name) : undefined;
  const agents = new Set(
    each.kind === 'Agent'
      ? [each.name]
      : [before, after].flatMap((attachment) => targetsOf(attachment, ref!)),
  );
  const policies = new Set([
    ...(ref === undefined ? [] : [ref]),
    ...[...agents].flatMap((agent) =>
      [before, after].flatMap((attachment) => policiesOf(attachment, agent, ref === undefined)),
    ),
  ]);
  // Policies of the other kind keep what they have.
  const kinds = each.kind === 'Policy' ? [each.ref.kind] : KINDS;
  const own = [...policies].filter((name) => kinds.some((kind) => name.startsWith(`${kind}/`)));
  return [[...agents].sort(), own.sort()];
}

const batches = fc.array(
  fc.record({
    namespace: fc.constantFrom(...NAMESPACES),
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    relists: fc.integer({ min: 0, max: 4 }).map((dice) => dice === 0),
  }),
  { minLength: 3, maxLength: 10 },
);

it('the attachments equal the plain join of the caches, and say what each change affects, after any changes and lists', () => {
  let affected = 0;
  fc.assert(
    fc.property(batches, (all) => {
      const world = new World();
      for (const namespace of NAMESPACES) world.attachments.of(namespace);
      for (const { namespace, steps, relists } of all) {
        if (relists) world.relist(namespace, steps);
        else for (const each of steps) affected += expectDelta(world, namespace, each);
        expectPlain(world, namespace);
      }
    }),
    { numRuns: 60 },
  );
  expect(affected).toBeGreaterThan(500);
});

/** @returns the number of agents and policies that the step affects */
function expectDelta(world: World, namespace: string, each: Step): number {
  const before = world.plain(namespace);
  const delta = world.take(namespace, each);
  if (!delta) return 0;
  const [agents, policies] = plainDelta(before, world.plain(namespace), each);
  const refs = delta.policies.map(({ kind, name }) => refOf(kind, name)).sort();
  expect(delta.agents.toSorted()).toEqual(agents);
  // The reconcile of its targets enqueues the status of a policy that claims as before.
  if (refs.length > 0) expect(refs).toEqual(policies);
  else expect(agents).not.toEqual([]);
  return agents.length + refs.length;
}

function expectPlain(world: World, namespace: string): void {
  const joined = world.attachments.of(namespace);
  const plain = world.plain(namespace);
  for (const [name, attachment] of plain.agents) {
    expect(joined.agents.get(name)).toEqual(attachment);
  }
  for (const each of plain.breakers) {
    expect(joined.breakers.get(each.policy.metadata.name)).toEqual(each);
  }
  for (const each of plain.limits) {
    expect(joined.limits.get(each.policy.metadata.name)).toEqual(each);
  }
}

it('a policy that names a section of an agent that is missing is affected by the agent', () => {
  const world = new World();
  const spec = { targetRefs: [target('a/tool/search')] };
  const ref = { kind: 'CircuitBreakerPolicy', name: 'p' } as const;
  world.take('support', { kind: 'Policy', ref, policy: breakerFixture('p', spec) });
  const delta = world.take('support', { kind: 'Agent', name: 'a', agent: agentFixture('a') });
  expect(delta).toEqual({ agents: ['a'], policies: [ref] });
});

it('an edit of a policy affects its agents alone, or itself if none of them is reconciled', () => {
  const world = new World();
  const ref = { kind: 'CircuitBreakerPolicy', name: 'p' } as const;
  const edit = (openDuration: string): Delta | undefined => {
    const policy = breakerFixture('p', { targetRefs: [target('a')], openDuration });
    return world.take('support', { kind: 'Policy', ref, policy });
  };
  const leave = (deletionTimestamp?: string): Delta | undefined => {
    const agent = agentFixture(
      'a',
      {},
      deletionTimestamp === undefined ? {} : { deletionTimestamp },
    );
    return world.take('support', { kind: 'Agent', name: 'a', agent });
  };
  expect(edit('5s')).toEqual({ agents: [], policies: [ref] });
  expect(edit('6s')).toEqual({ agents: [], policies: [ref] });
  expect(leave()).toEqual({ agents: ['a'], policies: [ref] });
  expect(edit('7s')).toEqual({ agents: ['a'], policies: [] });
  leave('2026-01-01T00:00:00Z');
  expect(edit('8s')).toEqual({ agents: ['a'], policies: [ref] });
});

it('a namespace is joined again from the caches after a change that failed', () => {
  const world = new World();
  const agent = agentFixture('a');
  world.take('support', { kind: 'Agent', name: 'a', agent });
  const joined = world.attachments.of('support');
  const broken = { kind: 'CircuitBreakerPolicy', metadata: { name: 'p', namespace: 'support' } };
  const change = (): unknown => world.attachments.apply(broken as never, undefined);
  expect(change).toThrow(TypeError);
  expect(world.attachments.of('support')).not.toBe(joined);
  expect(world.attachments.of('support').breakers.get('p')).toBeUndefined();
  expectPlain(world, 'support');
});
