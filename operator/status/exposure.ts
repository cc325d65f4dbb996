import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { NetworkPolicyPeer } from '../desired/objects/objects.ts';
import { list } from '../desired/common/wording.ts';

/** Networks that contain all addresses. */
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0']);

/** The condition KeyExposed, if unauthenticated clients outside the namespace can spend a key of the agent. */
export function keyExposed({ spec }: AgentDeployment): ConditionDraft | undefined {
  if (spec.auth.type !== 'None') return undefined;
  const keyed = spec.model.endpoints.filter(
    ({ apiKeySecretRef, headersFrom = [] }) => apiKeySecretRef || headersFrom.length > 0,
  );
  const ways = waysIn(spec);
  if (keyed.length === 0 || ways.length === 0) return undefined;
  return {
    type: 'KeyExposed',
    status: 'True',
    reason: 'NoAuthentication',
    message:
      `auth.type is None, so every client that reaches the agent can spend its key for ${list(keyed.map(({ name }) => `model/${name}`))}, ` +
      `and it is open to more than its namespace: ${list(ways)}. Set auth.type to APIKeys or JWT, or close that way.`,
  };
}

function waysIn({ service, networkPolicy }: AgentDeployment['spec']): string[] {
  const { enabled, from = [] } = networkPolicy;
  const open = (from as NetworkPolicyPeer[]).some(({ ipBlock }) =>
    EVERYWHERE.has(ipBlock?.cidr ?? ''),
  );
  return [
    ...(service.type === 'ClusterIP' ? [] : [`service.type is ${service.type}`]),
    ...(enabled ? [] : ['networkPolicy.enabled is false']),
    ...(enabled && open ? ['networkPolicy.from has every address'] : []),
  ];
}
