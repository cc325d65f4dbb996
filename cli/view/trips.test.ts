import { describe, expect, it } from '@jest/globals';
import { ago, breaker, NOW, openBreaker, world } from './fixtures.ts';
import { timeline, tripsOf } from './trips.ts';

describe('trips', () => {
  const other = breaker([], {
    transitions: [
      {
        ...{ agent: 'clerk', dependency: 'tool/find', pod: 'clerk-a', time: ago(5) },
        ...{ from: 'HalfOpen', to: 'Closed', reason: '2 of 2 probes succeeded' },
      },
    ],
  });
  const trips = tripsOf(world({ breakers: [openBreaker(), other] }));

  it('are those of all policies, newest first', () => {
    expect(trips.map(({ pod }) => pod)).toEqual(['clerk-a', 'triage-b', 'triage-a']);
  });

  it('are shown in the order in which they happened', () => {
    const lines = timeline(trips, { now: NOW, width: Infinity, colours: false, namespaces: false });
    expect(lines).toEqual([
      'TIME                 AGO  AGENT   DEPENDENCY     CHANGE             POD       REASON',
      '2026-11-21 09:59:20  40s  triage  model/primary  Closed → Open      triage-a  5 consecutive failures (Overloaded)',
      '2026-11-21 09:59:21  39s  triage  model/primary  Closed → Open      triage-b  5 consecutive failures (Overloaded)',
      '2026-11-21 09:59:55  5s   clerk   tool/find      HalfOpen → Closed  clerk-a   2 of 2 probes succeeded',
    ]);
  });
});
