import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { AUTH_FAILURE_ADDRESSES, AUTH_FAILURES_PER_MINUTE, JWT_KEYS } from './constants.ts';

type Spec = AgentDeployment['spec'];

/** The authentication of clients; empty if everybody may call. */
export function resolveAuth({
  auth: { type, apiKeys, jwt, clients },
}: Spec): Pick<Content, 'auth'> {
  if (type === 'None') return {};
  return {
    auth: {
      type,
      failures: { perMinute: AUTH_FAILURES_PER_MINUTE, maxAddresses: AUTH_FAILURE_ADDRESSES },
      ...(clients && { clients }),
      ...(apiKeys && { apiKeys: { path: MOUNTS.callers, secret: apiKeys.secretRef.name } }),
      ...(jwt && { jwt: { ...jwt, keys: JWT_KEYS } }),
    },
  };
}
