import { describe, expect, it } from '@jest/globals';
import { CircuitFleet, fleetCircuit } from '../../testing/circuitFleet.ts';
import { ORDER_LIFETIME_MS } from './fleetCircuit.ts';

/** Lets the provider fail until the fleet is open. */
function opened(count: number, circuit = fleetCircuit()): CircuitFleet {
  const fleet = new CircuitFleet(count, circuit);
  fleet.run(2000);
  fleet.providerIsUp = false;
  fleet.run(3000);
  expect(new Set(fleet.states())).toEqual(new Set(['Open']));
  return fleet;
}

describe('a circuit of the fleet', () => {
  it('opens in all pods when three pods have each seen two of five failures, and reports it', () => {
    const fleet = new CircuitFleet(4);
    // The fourth one has no calls.
    fleet.pods[3]!.everyMs = Infinity;
    for (const pod of fleet.pods) pod.nextCallAt = Infinity;
    fleet.providerIsUp = false;
    for (const pod of fleet.pods.slice(0, 3)) {
      pod.nextCallAt = 0;
      pod.everyMs = 100;
    }
    fleet.run(160);
    for (const pod of fleet.pods) pod.nextCallAt = Infinity;
    fleet.run(1500);
    expect(fleet.pods.map(({ served }) => served.failed)).toEqual([2, 2, 2, 0]);
    expect(fleet.states()).toEqual(['Open', 'Open', 'Open', 'Open']);
    expect(fleet.transitions[0]).toMatchObject({
      ...{ from: 'Closed', to: 'Open' },
      reason: 'by the fleet: 6 consecutive failures in 3 of 3 pods',
    });
  });

  it('stays closed in the other pods when the network of one is bad', () => {
    const fleet = new CircuitFleet(3);
    fleet.pods[0]!.badNetwork = true;
    fleet.run(60_000);
    expect(fleet.pods[0]!.served.rejected).toBeGreaterThan(0);
    expect(fleet.pods.slice(1).map(({ served }) => served.failed + served.rejected)).toEqual([
      0, 0,
    ]);
  });

  it('fails one probe per openDuration, each time in another pod', () => {
    const fleet = opened(4);
    fleet.run(60_000);
    const { failedProbes } = fleet;
    expect(failedProbes.length).toBeGreaterThanOrEqual(10);
    failedProbes.slice(1).forEach(({ at, pod }, index) => {
      expect(at - failedProbes[index]!.at).toBeGreaterThanOrEqual(5000);
      expect(pod).not.toBe(failedProbes[index]!.pod);
    });
    expect(new Set(failedProbes.map(({ pod }) => pod)).size).toBe(4);
  });

  it('closes after the probes of one pod, in one pod after another during the ramp-up', () => {
    const fleet = opened(4, fleetCircuit({ recovery: { rampUpMs: 9000 } }));
    fleet.providerIsUp = true;
    while (!fleet.states().includes('Closed')) fleet.run(10);
    const closed = (): number => fleet.states().filter((state) => state === 'Closed').length;
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      fleet.run(100);
      seen.add(closed());
    }
    expect([...seen]).toEqual([1, 2, 4]);
    const reasons = fleet.transitions
      .filter(({ to }) => to === 'Closed')
      .map((each) => each.reason);
    expect(new Set(reasons)).toEqual(new Set(['by the fleet: 2 of 2 probes succeeded']));
  });

  it('lets only a pod with calls probe, and then another one when its calls stop', () => {
    const fleet = opened(3);
    const [first, second, third] = fleet.pods;
    first!.everyMs = second!.everyMs = Infinity;
    first!.nextCallAt = second!.nextCallAt = Infinity;
    fleet.run(20_000);
    expect(new Set(fleet.failedProbes.slice(1).map(({ pod }) => pod))).toEqual(new Set(['pod-3']));
    const probing = (): boolean => third!.guard.circuits()[0]!.state === 'HalfOpen';
    while (!probing()) fleet.run(10);
    third!.nextCallAt = third!.everyMs = Infinity;
    first!.nextCallAt = 0;
    first!.everyMs = 200;
    fleet.providerIsUp = true;
    fleet.run(ORDER_LIFETIME_MS);
    expect(fleet.states()).toEqual(['Closed', 'Closed', 'Closed']);
  });

  it('probes even if calls go to another endpoint meanwhile', () => {
    const fleet = opened(3);
    for (const pod of fleet.pods) pod.hasFallback = true;
    fleet.run(12_000);
    expect(fleet.failedProbes.length).toBeGreaterThanOrEqual(2);
    fleet.providerIsUp = true;
    fleet.run(8000);
    expect(new Set(fleet.states())).toEqual(new Set(['Closed']));
  });

  it('holds no pod without a link for longer than the lifetime of its order', () => {
    const fleet = opened(3);
    const [alone] = fleet.pods;
    fleet.cut(alone!);
    const cutAt = fleet.clock.now();
    fleet.run(ORDER_LIFETIME_MS + 9000);
    const own = fleet.transitions.filter(({ pod, at }) => pod === alone!.name && at > cutAt);
    expect(own[0]).toMatchObject({ from: 'Open', to: 'HalfOpen' });
    expect(own[0]!.at - cutAt).toBeLessThanOrEqual(ORDER_LIFETIME_MS + 1000);
    expect(own[1]!.reason).toBe('probe failed (ServerError)');
    fleet.providerIsUp = true;
    fleet.run(10_000);
    expect(alone!.guard.circuits()[0]!.state).toBe('Closed');
  });

  it('lets another pod probe one openDuration after the probing pod is gone', () => {
    const fleet = opened(3);
    const probing = (): boolean => fleet.states().includes('HalfOpen');
    while (!probing()) fleet.run(10);
    const goneAt = fleet.clock.now();
    fleet.remove(fleet.pods[fleet.states().indexOf('HalfOpen')]!);
    while (!probing()) fleet.run(10);
    expect(fleet.clock.now() - goneAt).toBeGreaterThanOrEqual(5000);
    expect(fleet.clock.now() - goneAt).toBeLessThan(7000);
  });

  it('lets another pod probe when the order of a pod without a link has lapsed', () => {
    const fleet = opened(3);
    const probing = (): boolean => fleet.states().includes('HalfOpen');
    while (!probing()) fleet.run(10);
    const prober = fleet.pods[fleet.states().indexOf('HalfOpen')]!;
    prober.everyMs = prober.nextCallAt = Infinity;
    fleet.cut(prober);
    fleet.run(ORDER_LIFETIME_MS + 5000);
    const others = (): boolean =>
      fleet.pods.some((pod) => pod !== prober && pod.guard.circuits()[0]!.state === 'HalfOpen');
    const from = fleet.clock.now();
    while (!others()) fleet.run(10);
    expect(fleet.clock.now() - from).toBeLessThan(1500);
  });

  it('opens a new pod, and one whose container restarts, while the others are open', () => {
    const fleet = opened(3);
    fleet.add();
    fleet.restart(fleet.pods[0]!);
    fleet.run(100);
    expect(fleet.states()).toEqual(['Open', 'Open', 'Open', 'Open']);
    expect(fleet.pods[3]!.served.failed).toBeLessThanOrEqual(1);
  });

  it('holds up no pod of an agent that was scaled to zero while it was open', () => {
    const fleet = opened(3);
    for (const pod of [...fleet.pods]) fleet.remove(pod);
    fleet.run(ORDER_LIFETIME_MS * 1.5);
    fleet.providerIsUp = true;
    const pod = fleet.add();
    fleet.run(2000);
    expect(pod.served).toMatchObject({ failed: 0, rejected: 0 });
    expect(pod.served.ok).toBeGreaterThan(0);
  });

  it('opens again by votes of the pods where it has closed, before it closes in others', () => {
    const fleet = opened(4, fleetCircuit({ recovery: { rampUpMs: 30_000 } }));
    fleet.providerIsUp = true;
    while (!fleet.states().includes('Closed')) fleet.run(10);
    fleet.providerIsUp = false;
    const served = fleet.pods.map(({ served: { failed } }) => failed);
    fleet.run(15_000);
    expect(fleet.states()).toEqual(['Open', 'Open', 'Open', 'Open']);
    const harmed = fleet.pods.filter(({ served: { failed } }, i) => failed > served[i]!);
    expect(harmed).toHaveLength(1);
  });

  it('continues under a new leader, which learns which pod probes and when', () => {
    const fleet = opened(3);
    for (let i = 0; i < 8; i++) {
      fleet.run(3300);
      fleet.lead();
    }
    expect(new Set(fleet.states())).toEqual(new Set(['Open']));
    const times = fleet.failedProbes.map(({ at }) => at);
    expect(times.length).toBeGreaterThanOrEqual(3);
    times.slice(1).forEach((at, i) => expect(at - times[i]!).toBeGreaterThanOrEqual(5000));
    fleet.providerIsUp = true;
    fleet.run(12_000);
    expect(new Set(fleet.states())).toEqual(new Set(['Closed']));
  });

  it('keeps its state when its policy is edited, and closes once when the reset token changes', () => {
    const fleet = opened(3);
    fleet.reload(fleetCircuit({ openDurationMs: 60_000, maxOpenDurationMs: 60_000 }));
    fleet.run(1000);
    expect(new Set(fleet.states())).toEqual(new Set(['Open']));
    fleet.providerIsUp = true;
    fleet.reload(fleetCircuit({ resetToken: '1' }));
    fleet.run(3000);
    expect(new Set(fleet.states())).toEqual(new Set(['Closed']));
  });

  it('follows an override at once, and each pod decides alone when the scope is Pod again', () => {
    const fleet = opened(3);
    fleet.reload(fleetCircuit({ override: { state: 'Closed' } }));
    fleet.run(100);
    expect(new Set(fleet.states())).toEqual(new Set(['Closed']));
    const { fleet: _, ...alone } = fleetCircuit();
    const other = opened(3);
    other.reload(alone);
    other.run(30_000);
    expect(new Set(other.states())).toEqual(new Set(['Open']));
    const since = other.transitions.filter(({ at }) => at > 5000);
    expect(since.some(({ reason }) => reason.startsWith('by the fleet'))).toBe(false);
    expect(new Set(since.map(({ pod }) => pod)).size).toBe(3);
  });
});
