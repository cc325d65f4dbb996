import { PORTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, selectorLabels } from '../common/metadata.ts';
import { AMBIENT_PORT, type Mesh } from './mesh.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyRule } from './objects.ts';

/** Labels of the operator's pods, as the chart sets them. */
export const OPERATOR_LABELS = { 'app.kubernetes.io/name': 'breakwater-operator' };

interface Peers {
  from?: NetworkPolicyPeer[];
  metricsFrom?: NetworkPolicyPeer[];
}

/**
 * The clients that may connect to the agent's pods; undefined if the spec turns it off. Each port has its own rule. The
 * kubelet and kubectl port-forward connect from the pod's own node, which NetworkPolicies always allow.
 */
export function buildNetworkPolicy(
  agent: AgentDeployment,
  operatorNamespace: string,
  mesh?: Mesh,
): NetworkPolicy | undefined {
  const { enabled, ...peers } = agent.spec.networkPolicy;
  if (!enabled) return undefined;
  // The API server checks them where it gets the NetworkPolicy.
  const { from = [{ podSelector: {} }], metricsFrom } = peers as Peers;
  const own = { podSelector: { matchLabels: selectorLabels(agent) } };
  const operator = {
    podSelector: { matchLabels: OPERATOR_LABELS },
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': operatorNamespace } },
  };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: childMetadata(agent, agent.metadata.name),
    spec: {
      podSelector: { matchLabels: selectorLabels(agent) },
      policyTypes: ['Ingress'],
      ingress: [
        rule(PORTS.agent, [...from, own]),
        rule(PORTS.metrics, metricsFrom),
        rule(PORTS.control, [operator]),
        // All traffic of the mesh arrives at one port, so the rule cannot tell the pod's ports apart.
        ...(mesh === 'IstioAmbient'
          ? [rule(AMBIENT_PORT, metricsFrom && [...from, own, ...metricsFrom, operator])]
          : []),
      ],
    },
  };
}

/** @param from undefined: all clients may connect */
function rule(port: number, from: NetworkPolicyPeer[] | undefined): NetworkPolicyRule {
  return { ...(from === undefined ? {} : { from }), ports: [{ port, protocol: 'TCP' }] };
}
