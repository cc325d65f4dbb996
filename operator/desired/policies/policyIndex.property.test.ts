import { expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import fc from '../../../test/property.ts';
import { plainAttach } from '../../testing/plainAttach.ts';
import { step, type Step } from '../../testing/policyWorld.ts';
import type { Attachment, Policy } from './attachment.ts';
import { PolicyIndex } from './policyIndex.ts';

type Version = AgentDeployment | Policy | undefined;

/** Agents and policies after some steps, joined by the plain function. */
class World {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #policies = new Map<string, Policy>();

  #generation = 0;

  /** @returns the object's version after the step and before it; undefined if it is not there */
  take(step: Step): [Version, Version] {
    return step.kind === 'Agent'
      ? this.#put(this.#agents, step.name, step.agent)
      : this.#put(this.#policies, `${step.ref.kind}/${step.ref.name}`, step.policy);
  }

  /** Replaces all objects by versions that differ in nothing relevant. */
  *renewed(): Iterable<[Version, Version]> {
    for (const all of [this.#agents, this.#policies] as Map<string, AgentDeployment | Policy>[]) {
      for (const [key, object] of all) {
        const next = { ...object, metadata: { ...object.metadata, resourceVersion: 'next' } };
        all.set(key, next);
        yield [next, object];
      }
    }
  }

  #put<V extends AgentDeployment | Policy>(
    all: Map<string, V>,
    key: string,
    object: V | undefined,
  ): [Version, Version] {
    const previous = all.get(key);
    this.#generation += 1;
    const metadata = object && { ...object.metadata, generation: this.#generation };
    const current = object && { ...object, metadata };
    if (current) all.set(key, current);
    else all.delete(key);
    return [current, previous];
  }

  joined(): Attachment {
    const policies = [...this.#policies.values()];
    const breakers = policies.filter(({ kind }) => kind === 'CircuitBreakerPolicy');
    const limits = policies.filter(({ kind }) => kind === 'RateLimitPolicy');
    return plainAttach({ breakers, limits } as never, [...this.#agents.values()]);
  }
}

function whole(index: PolicyIndex): Attachment {
  return {
    breakers: index.breakers.names().map((name) => index.breakers.get(name)!),
    limits: index.limits.names().map((name) => index.limits.get(name)!),
    agents: new Map(index.agentNames().map((name) => [name, index.agents.get(name)!])),
  };
}

it('the index equals the plain function after any changes', () => {
  let held = 0;
  let lost = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.boolean()), { minLength: 10, maxLength: 30 }),
      (steps) => {
        const world = new World();
        const index = new PolicyIndex();
        for (const [each, look] of [...steps, ...steps.slice(0, 1)]) {
          const [current, previous] = world.take(each);
          if (current || previous) index.apply(current, previous);
          if (!look) continue;
          for (const [next, former] of world.renewed()) {
            expect(index.apply(next, former)).toEqual({ agents: [], policies: [] });
          }
          const expected = world.joined();
          expect(whole(index)).toEqual(expected);
          // Jest ignores the order of maps, but the status shows it.
          for (const [name, { circuits }] of expected.agents) {
            expect([...index.agents.get(name)!.circuits.keys()]).toEqual([...circuits.keys()]);
            held += circuits.size;
          }
          for (const { policy, targets, lost: sections } of [
            ...expected.breakers,
            ...expected.limits,
          ]) {
            const { kind, metadata } = policy;
            expect(index.targetsOf(kind, metadata.name)).toEqual(targets);
            const mine = targets.map((agent) => index.policiesOf(kind, agent));
            expect(mine.every((names) => names.includes(metadata.name))).toBe(true);
            lost += sections.length;
          }
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(held).toBeGreaterThan(100);
  expect(lost).toBeGreaterThan(100);
});
