import { describe, expect, it } from '@jest/globals';
import { hasFieldsOf, projection } from './projection.ts';

const sameProjection = (live: unknown, applied: unknown): boolean =>
  projection(live, applied) === projection(applied, applied);

describe.each([
  ['projection', sameProjection],
  ['hasFieldsOf', hasFieldsOf],
])('%s', (_name, same) => {
  it.each<[string, unknown, unknown]>([
    [
      'fields that others added',
      { spec: { type: 'ClusterIP', clusterIP: '10.0.0.1' }, status: {} },
      { spec: { type: 'ClusterIP' } },
    ],
    ['another order', { b: 1, a: { d: 2, c: 3 } }, { a: { c: 3, d: 2 }, b: 1 }],
    [
      'defaults within a list',
      { ports: [{ port: 80, nodePort: 30_000 }] },
      { ports: [{ port: 80 }] },
    ],
    [
      'another order within a selector',
      { selector: { b: '1', a: '2' } },
      { selector: { a: '2', b: '1' } },
    ],
  ])('overlooks %s', (_what, live, applied) => expect(same(live, applied)).toBe(true));

  it.each<[string, unknown, unknown]>([
    ['a value', { spec: { type: 'NodePort' } }, { spec: { type: 'ClusterIP' } }],
    ['an object in place of a value', { spec: { type: {} } }, { spec: { type: 'ClusterIP' } }],
    ['a field that is gone', { spec: {} }, { spec: { type: 'ClusterIP' } }],
    ['one more item of a list', { ports: [{ port: 80 }, { port: 81 }] }, { ports: [{ port: 80 }] }],
    [
      'a label more in a selector',
      { selector: { app: 'one', tier: 'none' } },
      { selector: { app: 'one' } },
    ],
    [
      'a label in a selector of everything',
      { ingress: [{ from: [{ podSelector: { matchLabels: { app: 'x' } } }] }] },
      { ingress: [{ from: [{ podSelector: {} }] }] },
    ],
    [
      'a bound that somebody took from a rule',
      { ingress: [{ from: [{ podSelector: {} }], ports: [] }] },
      { ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 1 }] }] },
    ],
    ['a condition that was added to a rule', { ingress: [{ from: [] }] }, { ingress: [{}] }],
  ])('sees %s', (_what, live, applied) => expect(same(live, applied)).toBe(false));
});
