import { describe, expect, it } from '@jest/globals';
import type { Deployment } from '../desired/objects/objects.ts';
import { permittedDeployment, type Prerequisites } from './prerequisites.ts';

const deployment = { kind: 'Deployment', spec: { replicas: 3 } } as Deployment;

describe('a Deployment', () => {
  it.each<[Prerequisites, boolean, number | undefined]>([
    [{ serviceAccount: 'Ours', networkPolicy: 'Ours' }, false, 3],
    [{ serviceAccount: 'Ours', networkPolicy: 'NotPlanned' }, true, 3],
    [{ serviceAccount: 'Ours', networkPolicy: 'Missing' }, false, undefined],
    [{ serviceAccount: 'Ours', networkPolicy: 'Foreign' }, true, undefined],
    [{ serviceAccount: 'Missing', networkPolicy: 'Ours' }, false, undefined],
    [{ serviceAccount: 'Foreign', networkPolicy: 'Ours' }, false, undefined],
    [{ serviceAccount: 'Foreign', networkPolicy: 'Ours' }, true, 0],
  ])(
    'with prerequisites %j that exists (%s) is applied with %s replicas',
    (prerequisites, exists, replicas) => {
      expect(permittedDeployment(deployment, prerequisites, exists)?.spec.replicas).toBe(replicas);
    },
  );
});
