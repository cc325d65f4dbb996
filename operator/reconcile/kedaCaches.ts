import type { KubernetesObject } from '../../crds/meta.ts';
import type { Availability, BuiltInCondition } from '../kube/index.ts';
import { ScaledObjects } from '../resources/resources.ts';
import { OptionalCaches, type OptionalCachesOptions } from './optionalCaches.ts';

/** What KEDA says of an object in its status. */
export interface ScaledObject extends KubernetesObject {
  status?: { conditions?: BuiltInCondition[] };
}

/** The objects of KEDA that are made for agents. */
export class KedaCaches extends OptionalCaches {
  constructor(options: OptionalCachesOptions) {
    super([ScaledObjects], options);
  }

  get scaledObjects(): Availability {
    return this.availabilityOf(ScaledObjects);
  }

  scaledObject(namespace: string | undefined, name: string): ScaledObject | undefined {
    return this.informerOf(ScaledObjects)?.get(namespace, name);
  }
}
