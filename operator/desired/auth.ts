import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Volume } from './objects.ts';

type Spec = AgentDeployment['spec'];

/** Who may call the agent; nothing when everybody may. */
export function auth({ auth: { type, apiKeys, jwt } }: Spec): Pick<Content, 'auth'> {
  if (type === 'None') return {};
  return {
    auth: {
      type,
      ...(apiKeys && { apiKeys: { path: MOUNTS.callers, secret: apiKeys.secretRef.name } }),
      ...(jwt && { jwt }),
    },
  };
}

/** The callers' API keys, all of the Secret. Optional, so that one which is missing keeps no pod from starting. */
export function callersVolume({ auth: { apiKeys } }: Spec): Volume | undefined {
  if (apiKeys === undefined) return undefined;
  return { name: 'callers', secret: { secretName: apiKeys.secretRef.name, optional: true } };
}
