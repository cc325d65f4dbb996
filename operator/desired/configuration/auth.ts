import type { Content } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';

type Spec = AgentDeployment['spec'];
type Jwt = NonNullable<NonNullable<Content['auth']>['jwt']>;

/**
 * The authentication of clients; empty if everybody may call. Throws an InvalidSpecError for values that the schema
 * should have refused.
 */
export function resolveAuth({
  auth: { type, apiKeys, jwt, failures, clients },
}: Spec): Pick<Content, 'auth'> {
  if (type === 'None') return {};
  return {
    auth: {
      type,
      failures,
      ...(clients && { clients }),
      ...(apiKeys && { apiKeys: { path: MOUNTS.callers, secret: apiKeys.secretRef.name } }),
      ...(jwt && { jwt: { ...jwt, keys: keys(jwt.keys) } }),
    },
  };
}

function keys(spec: NonNullable<Spec['auth']['jwt']>['keys']): Jwt['keys'] {
  const ms = (field: keyof typeof spec): number =>
    parsePositiveDuration(spec[field], `spec.auth.jwt.keys.${field}`);
  return {
    timeoutMs: ms('timeout'),
    refreshMs: ms('refreshInterval'),
    maxAgeMs: ms('maxAge'),
    cooldownMs: ms('cooldown'),
  };
}
