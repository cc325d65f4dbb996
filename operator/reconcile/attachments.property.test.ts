import { expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import fc from '../../test/property.ts';
import type {
  Attachment,
  Policy,
  PolicyAttachment,
  PolicyKind,
} from '../desired/policies/attachment.ts';
import { plainAttach } from '../testing/plainAttach.ts';
import { step, type Step } from '../testing/policyWorld.ts';
import { Attachments, type NamespaceAttachment } from './attachments.ts';
import { ChangeBatch } from './changeBatch.ts';
import { agentKeys, agentStatusKeys, policyStatusKeys, type Change } from './changes.ts';

const KINDS: readonly PolicyKind[] = ['CircuitBreakerPolicy', 'RateLimitPolicy'];
const NAMESPACES = ['support', 'sales'];

/** The caches, as watches fill them, and the batch that hears of it. */
class World {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #policies = new Map<string, Policy>();
  readonly #waiting: (() => void)[] = [];
  readonly attachments = new Attachments({
    agents: { list: (namespace: string) => within(this.#agents, namespace) },
    breakers: { list: (namespace: string) => this.#ofKind(KINDS[0]!, namespace) },
    limits: { list: (namespace: string) => this.#ofKind(KINDS[1]!, namespace) },
  } as never);
  readonly changes: Change[] = [];
  readonly #batch = new ChangeBatch(
    this.attachments,
    (change) => this.changes.push(change),
    (call) => this.#waiting.push(call),
  );

  take(namespace: string, each: Step): void {
    if (each.kind === 'Agent') {
      put(this.#agents, `${namespace}/${each.name}`, each.agent);
      this.#batch.agentChanged(namespace, each.name, each.agent);
    } else {
      put(this.#policies, `${namespace}/${each.ref.kind}/${each.ref.name}`, each.policy);
      this.#batch.policyChanged(namespace, each.ref, each.policy);
    }
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

  flush(): void {
    for (const call of this.#waiting.splice(0)) call();
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

/** What was joined in full, to be asked like what is joined step by step. */
function asked({ agents, breakers, limits }: Attachment): NamespaceAttachment {
  const of = (kind: PolicyKind): PolicyAttachment<Policy>[] =>
    kind === 'CircuitBreakerPolicy' ? breakers : limits;
  const byName = (kind: PolicyKind, name: string): PolicyAttachment<Policy> | undefined =>
    of(kind).find(({ policy }) => policy.metadata.name === name);
  return {
    agents,
    policiesOf: (kind: PolicyKind, agent: string) =>
      of(kind)
        .filter(({ targets }) => targets.includes(agent))
        .map(({ policy }) => policy.metadata.name),
    targetsOf: (kind: PolicyKind, name: string) => byName(kind, name)?.targets ?? [],
  } as unknown as NamespaceAttachment;
}

const keys = (change: Change): string[][] =>
  [
    agentKeys(change),
    agentStatusKeys(change),
    ...KINDS.map((kind) => policyStatusKeys(kind, change)),
  ].map((each) => [...each].sort());

const batches = fc.array(
  fc.record({
    namespace: fc.constantFrom(...NAMESPACES),
    steps: fc.array(step, { minLength: 1, maxLength: 6 }),
    relists: fc.integer({ min: 0, max: 4 }).map((dice) => dice === 0),
  }),
  { minLength: 3, maxLength: 10 },
);

it('the attachments equal the plain join of the caches, and enqueue the same keys, after any changes and lists', () => {
  let asks = 0;
  fc.assert(
    fc.property(batches, (all) => {
      const world = new World();
      for (const namespace of NAMESPACES) world.attachments.of(namespace);
      for (const { namespace, steps, relists } of all) {
        const before = asked(world.plain(namespace));
        if (relists) world.relist(namespace, steps);
        else for (const each of steps) world.take(namespace, each);
        world.flush();
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
        const change = world.changes.pop();
        // A list of nothing, where there was nothing, is no change.
        if (!change) continue;
        const expected = keys({ ...change, attachments: [before, asked(plain)] });
        expect(keys(change)).toEqual(expected);
        asks += expected.flat().length;
      }
    }),
    { numRuns: 60 },
  );
  expect(asks).toBeGreaterThan(500);
});

it('a namespace is joined again from the caches after a change that failed', () => {
  const world = new World();
  world.attachments.of('support');
  const broken = { kind: 'CircuitBreakerPolicy', metadata: { name: 'p' }, spec: null };
  const ref = { kind: 'CircuitBreakerPolicy', name: 'p' } as const;
  const change = (): void => world.attachments.policyChanged('support', ref, broken as never);
  expect(change).toThrow(TypeError);
  const before = world.attachments.of('support');
  expect(world.attachments.of('support')).toBe(before);
  expect(before.breakers.get('p')).toBeUndefined();
});
