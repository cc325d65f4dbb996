import { describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { AgentPlan } from '../desired/plan.ts';
import type { Availability } from '../kube/index.ts';
import { HorizontalPodAutoscalers } from '../resources/resources.ts';
import type { Caches } from './caches.ts';
import { obsoleteObjects } from './obsolete.ts';

const ofKeda: KubernetesObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: {
    namespace: 'support',
    name: 'keda-hpa-triage',
    ownerReferences: [
      {
        ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'triage', uid: '1' },
        controller: true,
      },
    ],
  },
};

function obsolete(scaledObjects: Availability): string[] {
  const autoscalers = {
    resource: HorizontalPodAutoscalers,
    keysByIndex: () => ['support/keda-hpa-triage'],
    getByKey: () => ofKeda,
  };
  const caches = {
    children: [autoscalers],
    optional: { scaledObjects, scaledObject: () => undefined },
  } as unknown as Pick<Caches, 'children' | 'optional'>;
  return obsoleteObjects('support/triage', {} as AgentPlan, caches).map(
    ({ object }) => object.metadata.name,
  );
}

describe('the HorizontalPodAutoscaler that KEDA made', () => {
  it.each(['Absent', 'Served'] as const)('is obsolete without a ScaledObject (%s)', (state) => {
    expect(obsolete(state)).toEqual(['keda-hpa-triage']);
  });

  it.each(['Unknown', 'Forbidden', 'Failing'] as const)(
    'stays while the operator does not see ScaledObjects (%s)',
    (state) => {
      expect(obsolete(state)).toEqual([]);
    },
  );
});
