import { PORTS } from '../../../contract/link.ts';

/** The service meshes of which the operator knows what links and NetworkPolicies need. */
export const MESHES = ['IstioSidecar', 'IstioAmbient'] as const;
export type Mesh = (typeof MESHES)[number];

/** Where a node's ztunnel delivers all that comes over the mesh, whatever the port it is for. */
export const AMBIENT_PORT = 15008;

/** Annotations of the pods. The link has its own TLS and proof of identity, which a sidecar in STRICT mode would refuse. */
export function meshAnnotations(mesh: Mesh | undefined): Record<string, string> {
  if (mesh !== 'IstioSidecar') return {};
  return { 'traffic.sidecar.istio.io/excludeInboundPorts': `${PORTS.control}` };
}
