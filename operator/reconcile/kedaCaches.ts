import type { KubernetesObject } from '../../crds/meta.ts';
import type { Availability, BuiltInCondition } from '../kube/index.ts';
import { ScaledObjects } from '../resources/resources.ts';
import { OptionalCaches, type OptionalCachesOptions } from './optionalCaches.ts';

/** A ScaledObject with the status that KEDA writes. */
export interface ScaledObject extends KubernetesObject {
  status?: { conditions?: BuiltInCondition[] };
}

/** Agents' objects of KEDA's kinds. */
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
