import { expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { CircuitFleet, fleetCircuit } from '../../testing/circuitFleet.ts';
import { ORDER_LIFETIME_MS } from './fleetCircuit.ts';

const OPEN_MS = 5000;
/** Longest that a pod alone takes from the lapse of its order to its next probe: its own openDuration. */
const ALONE_MS = ORDER_LIFETIME_MS + OPEN_MS + 1000;

type Fault =
  | { do: 'provider'; up: boolean }
  | { do: 'badNetwork' | 'cut' | 'connect' | 'idle' | 'busy' | 'restart' | 'remove'; pod: number }
  | { do: 'add' }
  | { do: 'lead' }
  | { do: 'delay'; ms: number }
  | { do: 'reload'; quorumPercent: number };
type Step = { fault: Fault; ms: number };

const pod = fc.nat(4);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('provider' as const), up: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cut' as const, 'connect' as const, 'idle' as const, 'busy' as const),
      pod,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('badNetwork' as const, 'restart' as const, 'remove' as const),
      pod,
    }),
  },
  { weight: 3, arbitrary: fc.constantFrom<Fault>({ do: 'add' }, { do: 'lead' }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('delay' as const), ms: fc.constantFrom(2, 50, 700) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      quorumPercent: fc.constantFrom(34, 50, 100),
    }),
  },
);
const step: fc.Arbitrary<Step> = fc.record({
  fault,
  ms: fc.constantFrom(150, 1200, 3000, 8000),
});

function make(fleet: CircuitFleet, { fault: which }: Step): void {
  if (which.do === 'provider') fleet.providerIsUp = which.up;
  else if (which.do === 'add') fleet.add();
  else if (which.do === 'lead') fleet.lead();
  else if (which.do === 'delay') fleet.delayMs = which.ms;
  else if (which.do === 'reload') {
    fleet.reload(fleetCircuit({ fleet: { quorumPercent: which.quorumPercent } }));
  } else toPod(fleet, which);
}

function toPod(fleet: CircuitFleet, which: Extract<Fault, { pod: number }>): void {
  const chosen = fleet.pods[which.pod % Math.max(1, fleet.pods.length)];
  if (chosen === undefined) return;
  if (which.do === 'badNetwork') chosen.badNetwork = !chosen.badNetwork;
  else if (which.do === 'cut') fleet.cut(chosen);
  else if (which.do === 'connect') fleet.connect(chosen);
  else if (which.do === 'restart') fleet.restart(chosen);
  else if (which.do === 'remove') fleet.remove(chosen);
  else {
    chosen.everyMs = which.do === 'idle' ? Infinity : 150;
    chosen.nextCallAt = which.do === 'idle' ? Infinity : fleet.clock.now();
  }
}

/** Two pods at least have seen failures when the fleet opens a pod that was closed. */
function expectQuorum({ transitions }: CircuitFleet): void {
  for (const { reason, failing, from } of transitions) {
    if (from !== 'Closed' || !reason.startsWith('by the fleet:')) continue;
    expect(failing).toBeGreaterThanOrEqual(2);
  }
}

function expectOneFailedProbe({ failedProbes }: CircuitFleet): void {
  failedProbes.slice(1).forEach(({ at }, index) => {
    expect(at - failedProbes[index]!.at).toBeGreaterThanOrEqual(OPEN_MS);
  });
}

/** A pod that no leader reaches follows none for longer than its order's lifetime. */
function expectNoneHeld(fleet: CircuitFleet): void {
  const now = fleet.clock.now();
  for (const { guard, heardAt } of fleet.pods) {
    const order = guard.circuits()[0]!.fleet?.order;
    if (now - heardAt >= ORDER_LIFETIME_MS) expect(order).toBeUndefined();
  }
}

/** Without faults, and also without links, everything works again. */
function expectRecovery(fleet: CircuitFleet, linked: boolean): void {
  fleet.providerIsUp = true;
  fleet.delayMs = 2;
  for (const each of fleet.pods) {
    each.badNetwork = false;
    each.everyMs = 100;
    each.nextCallAt = fleet.clock.now();
    if (linked) fleet.connect(each);
    else fleet.cut(each);
  }
  fleet.run(linked ? 2 * ALONE_MS : ALONE_MS);
  expect(new Set(fleet.states())).toEqual(new Set(['Closed']));
}

it('a circuit of the fleet opens by quorum, probes once per openDuration, and holds open no pod without a link', () => {
  let opened = 0;
  let probes = 0;
  const property = fc.property(
    fc.array(step, { minLength: 5, maxLength: 16 }),
    fc.boolean(),
    (steps, linked) => {
      const fleet = new CircuitFleet(4);
      for (const next of steps) {
        make(fleet, next);
        fleet.run(next.ms);
        expectNoneHeld(fleet);
      }
      opened += fleet.transitions.filter(({ reason }) => reason.startsWith('by the fleet')).length;
      probes += fleet.failedProbes.length;
      expectQuorum(fleet);
      expectOneFailedProbe(fleet);
      if (fleet.pods.length > 0) expectRecovery(fleet, linked);
    },
  );
  fc.assert(property, { numRuns: 40 });
  expect(opened).toBeGreaterThan(7);
  expect(probes).toBeGreaterThan(1);
});
