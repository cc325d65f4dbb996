import { describe, expect, it } from '@jest/globals';
import type { GateStatus } from '../../contract/generated/types.ts';
import { ago, NOW, observation, pod, strangePod } from '../testing/observations.ts';
import { gateOf } from './gates.ts';
import type { PodObservation } from './observations.ts';

const dependency = 'model/primary';
const gated = (gate: GateStatus['gate'], until?: string): Partial<PodObservation['snapshot']> => ({
  gates: [{ dependency, gate, ...(until !== undefined && { until }) }],
});
const of = (...pods: PodObservation[]): ReturnType<typeof gateOf> =>
  gateOf(dependency, observation(pods), NOW);

describe('gateOf', () => {
  it('is unknown when no pod reports gates', () => {
    expect(of(pod('a'), strangePod('b'))).toBeUndefined();
    expect(of(pod('a', gated('SpendLimit'), { connected: false }))).toBeUndefined();
  });

  it('is open when all reporting pods say so', () => {
    expect(of(pod('a', gated('None')), pod('b', { gates: [] }), pod('c'))).toEqual({
      dependency,
      gate: 'None',
      pods: '2/2',
    });
  });

  it('is the worst one until the last pod admits calls', () => {
    expect(
      of(
        pod('a', gated('RateLimited', ago(-900))),
        pod('b', gated('SpendLimit', ago(-60))),
        pod('c', gated('SpendLimit', ago(-90))),
      ),
    ).toEqual({ dependency, gate: 'SpendLimit', until: ago(-90), pods: '2/3' });
  });

  it('has no end if one of the pods does not know it, or reports a malformed time', () => {
    const known = pod('a', gated('Unauthorized', ago(-60)));
    expect(of(known, pod('b', gated('Unauthorized')))).not.toHaveProperty('until');
    expect(of(known, pod('b', gated('Unauthorized', 'soon')))).not.toHaveProperty('until');
  });

  it.each([
    [-3600, 'RateLimited'],
    [-5, 'RateLimited'],
    [-4.999, 'None'],
    [10, 'None'],
  ])('leaves out a pause that ends soon (%d s ago)', (seconds, gate) => {
    expect(of(pod('a', gated('RateLimited', ago(seconds))))).toMatchObject({ gate });
  });
});
