import { expect, it } from '@jest/globals';
import { breakerFixture } from '../testing/fixtures.ts';
import { deprecatedFieldsCondition } from './deprecated.ts';

it('names a removed field with its successor', () => {
  const policy = breakerFixture('triage', {
    trip: { consecutiveFailures: 5, abandonedAfter: '20s' },
  });
  expect(deprecatedFieldsCondition(policy)).toEqual([
    {
      type: 'DeprecatedFields',
      status: 'True',
      reason: 'FieldsIgnored',
      message:
        'spec.trip.abandonedAfter was removed in 0.2.0 and is ignored. It is timeouts.firstToken of the AgentDeployment. ' +
        'breakwater migrate -f PATH rewrites manifests.',
    },
  ]);
});

it('says nothing of an object without such fields', () => {
  expect(deprecatedFieldsCondition(breakerFixture('triage'))).toEqual([]);
});
