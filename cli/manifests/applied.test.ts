import { expect, it } from '@jest/globals';
import { applied } from './applied.ts';

const live = (spec: object, last?: object) => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: {
    name: 'patience',
    annotations: {
      ...(last && {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec: last }),
      }),
    },
  },
  spec,
});

it.each([
  ['keeps an override that the manifest does not set', { override: { state: 'Open' } }],
  ['keeps what another writer set below a field of the manifest', { trip: { window: '9s' } }],
])('%s', (_case, others) => {
  const written = { trip: { failures: 2 } };
  const { spec } = applied(live({ ...others }), { spec: written });
  expect(spec).toMatchObject({ ...others, ...written, trip: { failures: 2 } });
  expect(spec).toMatchObject(others);
});

it('removes what the manifest set at the last time and sets no longer', () => {
  const before = { mode: 'Shadow', trip: { failures: 2 } };
  const { spec } = applied(live({ ...before, override: {} }, before), { spec: { trip: {} } });
  expect(spec).toEqual({ trip: {}, override: {} });
});

it('replaces lists, and removes what the manifest sets to null', () => {
  const { spec } = applied(live({ list: [1, 2], mode: 'Shadow' }), {
    spec: { list: [3], mode: null },
  });
  expect(spec).toEqual({ list: [3] });
});
