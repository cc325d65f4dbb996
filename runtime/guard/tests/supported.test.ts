import { describe, expect, it } from '@jest/globals';
import { Guard } from '../guard.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { supported } from '../supported.ts';
import type { Content, Endpoint } from '../../../contract/generated/types.ts';
import type { Unsupported } from '../supported.ts';

const FOREIGN: Endpoint = {
  name: 'foreign',
  provider: 'Other',
  priority: 0,
  weight: 1,
  baseURL: 'http://other.test',
};
const { endpoints } = content();

describe('supported', () => {
  it.each<[string, Partial<Content>, Unsupported[]]>([
    [
      'takes what it knows',
      {
        circuits: [circuitOf({ policy: 'p', requires: ['Circuit.ConsecutiveFailures'] })],
        limits: [limitOf({ requires: ['Limit.Requests'] }), limitOf({ target: 'model/primary' })],
      },
      [],
    ],
    [
      'leaves out a circuit that needs more',
      { circuits: [circuitOf({ policy: 'p', requires: ['Circuit.Later'] })] },
      [{ path: '/circuits/0', feature: 'Circuit.Later', policy: 'p' }],
    ],
    [
      'names each feature that lacks, once',
      { circuits: [circuitOf({ requires: ['A', 'Circuit.ConsecutiveFailures', 'B', 'A'] })] },
      [
        { path: '/circuits/0', feature: 'A' },
        { path: '/circuits/0', feature: 'B' },
      ],
    ],
    [
      'leaves out a resource that it cannot count',
      { limits: [limitOf(), limitOf({ name: 'tokens', resource: 'Characters' })] },
      [{ path: '/limits/1', feature: 'Limit.Characters', policy: 'limits' }],
    ],
    [
      'leaves out an endpoint with a provider that it does not speak, and all that is for it',
      {
        endpoints: [...endpoints, FOREIGN],
        circuits: [circuitOf(), circuitOf({ dependency: 'model/foreign', policy: 'p' })],
        limits: [limitOf({ target: 'model/foreign' })],
      },
      [
        { path: '/endpoints/1', feature: 'Endpoint.Other' },
        { path: '/circuits/1', feature: 'Endpoint.Other', policy: 'p' },
        { path: '/limits/0', feature: 'Endpoint.Other', policy: 'limits' },
      ],
    ],
    [
      'leaves out what is for a kind of dependency that it does not have',
      { circuits: [circuitOf({ dependency: 'queue/search', policy: 'p' })] },
      [{ path: '/circuits/0', feature: 'Dependency.queue', policy: 'p' }],
    ],
  ])('%s', (_name, parts, unsupported) => {
    expect(supported(content(parts)).unsupported).toEqual(unsupported);
  });

  it('decides what a guard applies: default circuits, and no unsupported limits or dependencies', () => {
    const guard = new Guard({ clock: new FakeClock() });
    const offered = content({
      endpoints: [...endpoints, FOREIGN],
      circuits: [circuitOf({ policy: 'p', requires: ['Circuit.Later'] })],
      limits: [limitOf({ capacity: 1, requires: ['Limit.Later'] })],
    });
    guard.apply(offered);
    expect(supported(offered).unsupported.map(({ path }) => path)).toEqual([
      '/endpoints/1',
      '/circuits/0',
      '/circuits/1',
      '/limits/0',
    ]);
    expect(guard.circuits().map(({ dependency, policy }) => [dependency, policy])).toEqual([
      ['model/primary', undefined],
    ]);
    expect(guard.limits()).toEqual([]);
  });
});
