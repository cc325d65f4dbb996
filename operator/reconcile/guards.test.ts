import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../desired/objects/objects.ts';
import { guardedDeployment, type Guards } from './guards.ts';

const deployment = { kind: 'Deployment', spec: { replicas: 3 } } as Deployment;

describe('a Deployment', () => {
  it.each<[Guards, boolean, number | undefined]>([
    [{ serviceAccount: 'Ours', networkPolicy: 'Ours' }, false, 3],
    [{ serviceAccount: 'Ours', networkPolicy: 'Unwanted' }, true, 3],
    [{ serviceAccount: 'Ours', networkPolicy: 'Missing' }, false, undefined],
    [{ serviceAccount: 'Ours', networkPolicy: 'Foreign' }, true, undefined],
    [{ serviceAccount: 'Missing', networkPolicy: 'Ours' }, false, undefined],
    [{ serviceAccount: 'Foreign', networkPolicy: 'Ours' }, false, undefined],
    [{ serviceAccount: 'Foreign', networkPolicy: 'Ours' }, true, 0],
  ])('with %j, there already: %s, is to have %s pods', (guards, isThere, replicas) => {
    expect(guardedDeployment(deployment, guards, isThere)?.spec.replicas).toBe(replicas);
  });
});
