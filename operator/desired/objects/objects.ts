/** Kubernetes objects with the fields that the builders set. */
import type { AgentDeploymentSpec } from '../../../crds/generated/types.ts';
import type { KubernetesObject, ObjectMeta } from '../../../crds/meta.ts';

/** An object to apply. Its namespace is always set. */
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

export interface PodDisruptionBudget extends Desired {
  apiVersion: 'policy/v1';
  kind: 'PodDisruptionBudget';
  spec: {
    maxUnavailable: number | string;
    selector: { matchLabels: Record<string, string> };
    unhealthyPodEvictionPolicy: 'AlwaysAllow' | 'IfHealthyBudget';
  };
}

/** A target for what one container uses, in percent of what it requests. */
export interface ContainerMetric {
  type: 'ContainerResource';
  containerResource: {
    name: 'cpu' | 'memory';
    container: string;
    target: { type: 'Utilization'; averageUtilization: number };
  };
}

type Autoscaling = NonNullable<AgentDeploymentSpec['autoscaling']>;

export interface HorizontalPodAutoscaler extends Desired {
  apiVersion: 'autoscaling/v2';
  kind: 'HorizontalPodAutoscaler';
  spec: {
    scaleTargetRef: { apiVersion: string; kind: string; name: string };
    minReplicas: number;
    maxReplicas: number;
    metrics: ContainerMetric[];
    behavior?: Autoscaling['behavior'];
  };
}

/** Pods of the policy's namespace, of other namespaces, or addresses. */
export interface NetworkPolicyPeer {
  podSelector?: LabelSelector;
  namespaceSelector?: LabelSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: {
    key: string;
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    values?: string[];
  }[];
}

export interface NetworkPolicyRule {
  /** Absent: all clients. */
  from?: NetworkPolicyPeer[];
  ports: { port: number; protocol: 'TCP' }[];
}

export interface NetworkPolicy extends Desired {
  apiVersion: 'networking.k8s.io/v1';
  kind: 'NetworkPolicy';
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: ['Ingress'];
    ingress: NetworkPolicyRule[];
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

/** May also contain any field of a user's podTemplate. */
export interface PodTemplate {
  metadata: {
    labels: Record<string, string>;
    annotations: Record<string, string>;
    [field: string]: unknown;
  };
  spec: {
    containers: Container[];
    initContainers?: Container[];
    volumes: Volume[];
    [field: string]: unknown;
  };
}

export interface Deployment extends Desired {
  apiVersion: 'apps/v1';
  kind: 'Deployment';
  spec: {
    /** Absent if an autoscaler sets it. */
    replicas?: number;
    selector: { matchLabels: Record<string, string> };
    strategy: {
      type: string;
      rollingUpdate: { maxSurge: number; maxUnavailable: number };
    };
    template: PodTemplate;
  };
}
