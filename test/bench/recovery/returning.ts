import type { Circuit } from '../../../contract/generated/types.ts';
import { Guard } from '../../../runtime/guard/guard.ts';
import { FakeClock } from '../../../runtime/testing/fakeClock.ts';
import { circuitOf, content } from '../../../runtime/testing/guardFixture.ts';
import type { Outcome } from '../../../runtime/resilience/outcome.ts';

/** As in S15 of the bench of faults: the length of the outage, a request every 4 s, and the last one. */
const OUTAGE_MS = 60_000;
const EVERY_MS = 4000;
const LAST_MS = 19 * EVERY_MS;
const PODS = 1000;

const DOWN: Outcome = { vote: 'failure', class: 'ServerError', message: 'HTTP 503' };

/** Whether the primary serves the pod again before the last request. A fallback serves its other requests. */
function returns(circuit: Partial<Circuit>, pod: number): boolean {
  const clock = new FakeClock();
  const guard = new Guard({ clock, seed: `bench/pod-${pod}` });
  guard.apply(content({ circuits: [circuitOf(circuit)] }));
  for (let at = 0; at <= LAST_MS; at += EVERY_MS) {
    clock.advance(at - clock.now());
    const answer = guard.dependency('model/primary')!.acquire({ immediate: true });
    if (answer.kind !== 'Permit') continue;
    if (at >= OUTAGE_MS) return true;
    answer.settle(DOWN);
  }
  return false;
}

/** Percentage of pods that return in time. */
export function returning(circuit: Partial<Circuit>): number {
  const pods = Array.from({ length: PODS }, (_, pod) => returns(circuit, pod));
  return (100 * pods.filter(Boolean).length) / PODS;
}
