import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import { circuitName } from './circuits.ts';
import { columns, type Level } from './columns.ts';
import { since } from './time.ts';
import type { World } from './world.ts';

type Transition = NonNullable<CircuitBreakerPolicyStatus['transitions']>[number];

/** A transition of a circuit in one pod. */
export interface Trip extends Transition {
  namespace: string;
  policy: string;
}

/** The last transitions of all circuits under the policies, newest first. A status has twenty for each policy. */
export function tripsOf({ breakers }: World): Trip[] {
  return breakers
    .flatMap(({ metadata, status }) =>
      (status?.transitions ?? []).map((one) => ({
        namespace: metadata.namespace ?? '',
        policy: metadata.name,
        ...one,
      })),
    )
    .sort((a, b) => Date.parse(b.time) - Date.parse(a.time));
}

const HEAD = ['TIME', 'AGO', 'NAMESPACE', 'AGENT', 'DEPENDENCY', 'CHANGE', 'POD', 'REASON'];
const CHANGE = 5;
/** Importance of each state of a circuit. */
export const LEVEL: Record<Trip['to'], Level> = { Closed: 'ok', HalfOpen: 'warn', Open: 'bad' };

/** Trips as lines of text, the oldest first. */
export function timeline(
  trips: readonly Trip[],
  {
    now,
    width,
    colours,
    namespaces,
  }: { now: Date; width: number; colours: boolean; namespaces: boolean },
): string[] {
  const lines = trips.toReversed().map((trip) => ({
    level: LEVEL[trip.to],
    cells: [
      trip.time.replace('T', ' ').slice(0, 19),
      since(trip.time, now),
      namespaces ? trip.namespace : '',
      trip.agent,
      circuitName(trip),
      `${trip.from} → ${trip.to}`,
      trip.pod,
      trip.reason,
    ],
  }));
  return columns(lines, { head: HEAD, width, ...(colours && { coloured: CHANGE }) });
}
