import { PORTS } from '../../../contract/link.ts';

/** Service meshes whose needs for links and NetworkPolicies the operator knows. */
export const MESHES = ['IstioSidecar', 'IstioAmbient'] as const;
export type Mesh = (typeof MESHES)[number];

/** Port to which a node's ztunnel delivers everything from the mesh, whatever its target port. */
export const AMBIENT_PORT = 15008;

/** Annotations of the pods. The link has its own TLS and proof of identity, which a sidecar in STRICT mode would refuse. */
export function meshAnnotations(mesh: Mesh | undefined): Record<string, string> {
  if (mesh !== 'IstioSidecar') return {};
  return { 'traffic.sidecar.istio.io/excludeInboundPorts': `${PORTS.control}` };
}
