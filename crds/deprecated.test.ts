import { describe, expect, it } from '@jest/globals';
import { definitions } from './definitions.ts';
import {
  deprecatedFields,
  isSaid,
  pathText,
  REQUEST_LIMITS,
  type DeprecatedField,
} from './deprecated.ts';

const TABLE: DeprecatedField[] = [
  {
    kind: 'RateLimitPolicy',
    path: 'spec.limits[].key.principal',
    how: 'Renamed',
    instead: 'Use type.',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.auth.failures',
    how: 'Removed',
    instead: 'It is a constant.',
    filledIn: { perMinute: 60, maxAddresses: 10_000 },
  },
];

const said = (object: object): string[] =>
  deprecatedFields(object, TABLE)
    .filter(isSaid)
    .map(({ at }) => pathText(at));

describe('deprecatedFields', () => {
  it('finds a field in each element of a list', () => {
    const limits = [
      { key: { principal: true } },
      {},
      { key: { header: 'x' } },
      { key: { principal: true } },
    ];
    expect(said({ kind: 'RateLimitPolicy', spec: { limits } })).toEqual([
      'spec.limits[0].key.principal',
      'spec.limits[3].key.principal',
    ]);
  });

  it('finds nothing in objects of another kind', () => {
    expect(said({ kind: 'Deployment', spec: { auth: { failures: { perMinute: 1 } } } })).toEqual(
      [],
    );
  });

  it('does not name what an earlier definition filled in', () => {
    const agent = (failures: object): object => ({
      kind: 'AgentDeployment',
      spec: { auth: { failures } },
    });
    expect(said(agent({ perMinute: 60, maxAddresses: 10_000 }))).toEqual([]);
    expect(said(agent({ perMinute: 5, maxAddresses: 10_000 }))).toEqual(['spec.auth.failures']);
  });
});

it('REQUEST_LIMITS are the defaults of spec.requestLimits', () => {
  const { schema } = definitions().find(({ plural }) => plural === 'agentdeployments')!;
  const fields = schema.properties!.spec!.properties!.requestLimits!.properties!;
  const defaults = Object.entries(fields).map(([name, field]) => [name, field.default]);
  expect(REQUEST_LIMITS).toEqual(Object.fromEntries(defaults));
});
