import { expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import fc from '../../../test/property.ts';
import { plainAttach } from '../../testing/plainAttach.ts';
import { step, type Step } from '../../testing/policyWorld.ts';
import type { Attachment, Policy } from './attachment.ts';
import { PolicyJoin } from './policyJoin.ts';

/** Agents and policies after some steps, joined by the plain function. */
class World {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #policies = new Map<string, Policy>();

  take(step: Step): void {
    if (step.kind === 'Agent') put(this.#agents, step.name, step.agent);
    else put(this.#policies, `${step.ref.kind}/${step.ref.name}`, step.policy);
  }

  /** Replaces all objects by versions that differ in nothing relevant. */
  *renewed(): Iterable<AgentDeployment | Policy> {
    for (const all of [this.#agents, this.#policies]) {
      for (const [key, object] of all) {
        const next = { ...object, metadata: { ...object.metadata, resourceVersion: 'next' } };
        put(all as Map<string, object>, key, next);
        yield next;
      }
    }
  }

  joined(): Attachment {
    const policies = [...this.#policies.values()];
    const breakers = policies.filter(({ kind }) => kind === 'CircuitBreakerPolicy');
    const limits = policies.filter(({ kind }) => kind === 'RateLimitPolicy');
    return plainAttach({ breakers, limits } as never, [...this.#agents.values()]);
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value) map.set(key, value);
  else map.delete(key);
}

function work(join: PolicyJoin, step: Step): void {
  if (step.kind === 'Agent') {
    if (step.agent) join.setAgent(step.agent);
    else join.deleteAgent(step.name);
  } else if (step.policy) join.setPolicy(step.policy);
  else join.deletePolicy(step.ref.kind, step.ref.name);
}

function whole(join: PolicyJoin): Attachment {
  return {
    breakers: join.breakers.names().map((name) => join.breakers.get(name)!),
    limits: join.limits.names().map((name) => join.limits.get(name)!),
    agents: new Map(join.agentNames().map((name) => [name, join.agents.get(name)!])),
  };
}

it('the join equals the plain function after any changes', () => {
  let held = 0;
  let lost = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.boolean()), { minLength: 10, maxLength: 30 }),
      (steps) => {
        const world = new World();
        const join = new PolicyJoin();
        for (const [each, look] of [...steps, ...steps.slice(0, 1)]) {
          world.take(each);
          work(join, each);
          if (!look) continue;
          for (const next of world.renewed()) {
            if (next.kind === 'AgentDeployment') join.replaceAgent(next);
            else expect(join.replacePolicy(next)?.policy).toBe(next);
          }
          const expected = world.joined();
          expect(whole(join)).toEqual(expected);
          // Jest ignores the order of maps, but the status shows it.
          for (const [name, { circuits }] of expected.agents) {
            expect([...join.agents.get(name)!.circuits.keys()]).toEqual([...circuits.keys()]);
            held += circuits.size;
          }
          for (const { policy, targets, lost: sections } of [
            ...expected.breakers,
            ...expected.limits,
          ]) {
            const { kind, metadata } = policy;
            expect(join.targetsOf(kind, metadata.name)).toEqual(targets);
            const mine = targets.map((agent) => join.policiesOf(kind, agent));
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
