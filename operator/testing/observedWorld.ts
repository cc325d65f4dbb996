/** Random observations of agents, for property tests. */
import type { Arbitrary } from 'fast-check';
import type { CircuitStatus, LimitStatus, Transition } from '../../contract/generated/types.ts';
import fc from '../../test/property.ts';
import type { FleetFigures } from '../fleet/limits/sharedLimits.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import type { AgentObservation, PodObservation } from '../status/observations.ts';
import { ago, circuit, HASH, limit, observation, pod, snapshot } from './observations.ts';

const dependency = fc.constantFrom('model/primary', 'model/backup');
const policy = fc.constantFrom('p', 'p', 'p', 'q');
const state = fc.constantFrom('Closed', 'Closed', 'Closed', 'HalfOpen', 'Open');
/** Few times, so that some are equal; one is not valid. */
const time = fc.constantFrom(ago(1), ago(2), ago(30), ago(3000), 'yesterday');
const model = fc.option(fc.constantFrom('opus', 'haiku'), { nil: undefined });
const maybe = <T>(value: Arbitrary<T>): Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

/** Leaves out members that are undefined. */
function some<T extends object>(object: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  const known = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Partial<T>;
}

const circuits: Arbitrary<CircuitStatus[]> = fc.array(
  fc
    .record({
      ...{ dependency, policy, state, model, since: time },
      reason: maybe(fc.constantFrom('slow', '3 failures')),
      nextProbe: maybe(time),
      handledResetToken: maybe(fc.constantFrom('reset', 'other')),
      overridden: maybe(fc.constantFrom('Open', 'Closed')),
      lastFailure: maybe(
        fc.record({ class: fc.constant('Overloaded'), message: fc.constantFrom('a', 'b'), time }),
      ),
    })
    .map((given) => circuit(given.state, some<CircuitStatus>(given as CircuitStatus))),
  { maxLength: 3 },
);

const limits: Arbitrary<LimitStatus[]> = fc.array(
  fc
    .record({
      policy,
      target: fc.constantFrom('inbound', 'inbound', 'model/primary'),
      name: fc.constantFrom('requests', 'tokens', 'others'),
      usedPercent: fc.constantFrom(0, 12.5, 100),
      rejected: fc.constantFrom(0, 3, 7.5),
      limiting: fc.boolean(),
    })
    .map(limit),
  { maxLength: 3 },
);

const transitions: Arbitrary<Transition[]> = fc.array(
  fc
    .record({
      sequence: fc.nat(3),
      time,
      dependency,
      policy,
      model,
      to: fc.constantFrom('Open', 'Closed'),
    })
    .map((given) => ({
      ...{ from: 'HalfOpen', reason: 'because' },
      ...(some<Transition>(given as Transition) as Transition),
    })),
  { maxLength: 3 },
);

const pods: Arbitrary<PodObservation> = fc
  .record({
    name: fc.constant(''),
    ...{ circuits, limits, transitions },
    connected: fc.constantFrom(true, true, true, false),
    terminating: fc.constantFrom(false, false, false, true),
    hash: fc.constantFrom(HASH, HASH, HASH, 'sha256:before'),
    refused: maybe(fc.constantFrom('it is bad', 'it is worse')),
    feature: maybe(fc.constantFrom('Circuit.Fleet', 'Limit.Fleet')),
    linkError: maybe(fc.constant('it speaks another version of the contract')),
  })
  .map(({ name, circuits, limits, transitions, refused, feature, linkError, ...rest }) => {
    const element = { policy: 'p', path: '/circuits/0', feature: feature! };
    const configuration = {
      hash: rest.hash,
      unsupported: feature === undefined ? [] : [element, { ...element, path: '/limits/0' }],
      ...(refused !== undefined && { refused: { source: 'Link', message: refused } }),
    } as never;
    const said = snapshot({ configuration, circuits, limits, transitions });
    return pod(name, said, { ...rest, ...(linkError !== undefined && { linkError }) });
  });

const fleet: Arbitrary<FleetFigures> = fc
  .record({
    level: fc.constantFrom(0, 10, 40),
    held: fc.constantFrom(0, 0.25, 5),
    granted: fc.constantFrom(0, 1.5, 30),
    name: fc.constantFrom('requests', 'tokens'),
    linked: fc.nat(3),
  })
  .map(({ linked, ...figures }) => ({
    leader: 'operator-a',
    pods: { linked, total: 3 },
    limits: [
      { target: 'inbound', resource: 'Requests' as const, capacity: 50, maxPods: 7, ...figures },
    ],
  }));

const fleetCircuits: Arbitrary<FleetCircuitStatus[]> = fc.array(
  fc
    .record({
      ...{ dependency, policy, model },
      state: fc.constantFrom('Open', 'Probing', 'Closing', 'Closed'),
      prober: maybe(fc.constantFrom('x', 'y')),
    })
    .map((given) => ({
      ...{ since: ago(5), votes: '2/3' },
      ...(some(given) as { dependency: string; policy: string; state: 'Open' }),
    })),
  { maxLength: 2 },
);

/** Observation of the agent with that name. */
export const observed = (agent: string): Arbitrary<AgentObservation> =>
  fc
    .record({
      pods: fc.array(pods, { maxLength: 3 }),
      fleet: maybe(fleet),
      fleetCircuits: maybe(fleetCircuits),
      paused: fc.constantFrom(false, false, true),
    })
    .map(({ pods, paused, fleet, fleetCircuits }) =>
      observation(
        pods.map((each, index) => {
          const name = `${agent}-${index}`;
          return { ...each, name, uid: `uid-${name}` };
        }),
        { paused, ...some<AgentObservation>({ fleet, fleetCircuits } as AgentObservation) },
      ),
    );
