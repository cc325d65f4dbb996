import { beforeEach, describe, expect, it } from '@jest/globals';
import { Inventory } from './inventory.ts';
import { checks } from './kinds.ts';

const AGENT = `apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: { name: triage }
spec:
  model:
    endpoints: [{ name: primary }]
`;

const breaker = (failures: string): string => `apiVersion: breakwater.dev/v1alpha1
kind: CircuitBreakerPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  trip:
    consecutiveFailures: ${failures}
  scope: Pod
`;

const KNOWN = checks();

describe('the inventory', () => {
  let inventory: Inventory;
  let now: string;

  beforeEach(() => {
    now = '2026-11-21T10:00:00.000Z';
    inventory = new Inventory(KNOWN, () => new Date(now));
  });

  const load = (files: Record<string, string>): ReturnType<Inventory['load']> =>
    inventory.load(new Map(Object.entries(files)));
  const failures = (): (number | undefined)[] =>
    inventory.objects().breakers.map(({ spec }) => spec.trip.consecutiveFailures);

  it('accepts objects with defaults, a namespace, a uid and a time', () => {
    expect(load({ 'a.yaml': AGENT }).faults).toEqual([]);
    expect(inventory.objects().agents).toMatchObject([
      {
        metadata: { namespace: 'default', uid: 'local-default-triage', creationTimestamp: now },
        spec: { replicas: 1 },
      },
    ]);
  });

  it('names file, line, field and what to change, and accepts the other files', () => {
    const { faults } = load({ 'a.yaml': AGENT, 'b.yaml': breaker('three') });
    expect(faults).toEqual([
      {
        file: 'b.yaml',
        line: 7,
        message:
          'CircuitBreakerPolicy triage: spec.trip.consecutiveFailures must be a whole number; write it without quotes, such as 10',
      },
    ]);
    expect(inventory.objects().agents).toHaveLength(1);
  });

  it.each([
    ['a value that is refused', breaker('three')],
    ['a file that cannot be read', 'kind: "'],
  ])('keeps the accepted object in force after %s', (_, broken) => {
    load({ 'b.yaml': breaker('3') });
    now = '2026-11-21T11:00:00.000Z';
    expect(load({ 'b.yaml': broken }).faults).toHaveLength(1);
    expect(failures()).toEqual([3]);
    expect(load({ 'b.yaml': breaker('4') }).faults).toEqual([]);
    expect(failures()).toEqual([4]);
    expect(inventory.objects().breakers[0]!.metadata.creationTimestamp).toContain('T10');
  });

  it('deletes removed objects', () => {
    load({ 'a.yaml': AGENT, 'b.yaml': breaker('3') });
    load({ 'a.yaml': AGENT });
    expect(failures()).toEqual([]);
  });

  it('refuses a kind that breakwater.dev does not have', () => {
    const { faults, ignored } = load({
      'a.yaml': AGENT.replace('AgentDeployment', 'AgentDeploymnt'),
    });
    expect(faults).toMatchObject([
      {
        line: 2,
        message:
          'AgentDeploymnt is no kind of breakwater.dev; write AgentDeployment, CircuitBreakerPolicy, RateLimitPolicy',
      },
    ]);
    expect(ignored).toEqual([]);
  });

  it('refuses the second of two with one name, and ignores other kinds', () => {
    const other = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: demo }\n';
    const { faults, ignored } = load({ 'a.yaml': AGENT, 'b.yaml': AGENT, 'c.yaml': other });
    expect(faults).toMatchObject([{ file: 'b.yaml', line: 3 }]);
    expect(ignored).toEqual(['Namespace demo']);
  });
});
