import { PORTS } from '../../../contract/link.ts';

/** Service meshes that need settings of the operator for links and NetworkPolicies. */
export const MESHES = ['IstioSidecar', 'IstioAmbient'] as const;
export type Mesh = (typeof MESHES)[number];

/** Port to which a node's ztunnel delivers everything from the mesh, whatever its target port. */
export const AMBIENT_PORT = 15008;

/** Annotations of pods. Links have their own TLS, which a sidecar in STRICT mode would refuse. */
export function meshAnnotations(mesh: Mesh | undefined): Record<string, string> {
  if (mesh !== 'IstioSidecar') return {};
  return { 'traffic.sidecar.istio.io/excludeInboundPorts': `${PORTS.control}` };
}
