/** The Kubernetes objects that the builders make, as far as they are filled in. */
import type { KubernetesObject, ObjectMeta } from '../../crds/meta.ts';

/** An object to apply; its namespace is always set. */
export interface Desired extends KubernetesObject {
  metadata: ObjectMeta & { namespace: string };
}

export interface ServiceAccount extends Desired {
  apiVersion: 'v1';
  kind: 'ServiceAccount';
  automountServiceAccountToken: boolean;
}

export interface ConfigMap extends Desired {
  apiVersion: 'v1';
  kind: 'ConfigMap';
  data: Record<string, string>;
}

export interface Service extends Desired {
  apiVersion: 'v1';
  kind: 'Service';
  spec: {
    type: string;
    clusterIP?: string;
    publishNotReadyAddresses?: boolean;
    selector: Record<string, string>;
    ports: { name: string; port: number; targetPort: string; protocol: string }[];
  };
}

export interface Container {
  name: string;
  image?: string;
  [field: string]: unknown;
}

export interface Volume {
  name: string;
  [source: string]: unknown;
}

/** Any field that a user's podTemplate brings may be in it too. */
export interface PodTemplate {
  metadata: {
    labels: Record<string, string>;
    annotations: Record<string, string>;
    [field: string]: unknown;
  };
  spec: { containers: Container[]; volumes: Volume[]; [field: string]: unknown };
}

export interface Deployment extends Desired {
  apiVersion: 'apps/v1';
  kind: 'Deployment';
  spec: {
    replicas: number;
    selector: { matchLabels: Record<string, string> };
    strategy: {
      type: string;
      rollingUpdate: { maxSurge: number; maxUnavailable: number };
    };
    template: PodTemplate;
  };
}
