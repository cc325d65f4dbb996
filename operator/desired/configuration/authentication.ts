import type { Endpoint } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { resolveIdentity } from './identity.ts';
import { clientCertificate } from './network.ts';
import { secretHeaders } from './secretHeaders.ts';

type EndpointSpec = AgentDeployment['spec']['model']['endpoints'][number];

/** Directory in the pod where the endpoint's credential is mounted. */
export function credentialDirectory(endpoint: Pick<EndpointSpec, 'name'>): string {
  return `${MOUNTS.credentials}/${endpoint.name}`;
}

/** Whether the endpoint gets its key as a bearer token, which OpenAI expects. */
export function sendsBearer({
  provider,
  apiKeySecretRef,
  credentialScheme = provider === 'OpenAI' || provider === 'Vertex' ? 'Bearer' : 'APIKey',
}: EndpointSpec): boolean {
  return apiKeySecretRef !== undefined && credentialScheme === 'Bearer';
}

/** The agent's credentials for the endpoint; without any the client's own pass on. */
export function authentication(
  spec: EndpointSpec,
): Pick<
  Endpoint,
  'credential' | 'credentialScheme' | 'headersFrom' | 'identity' | 'clientCertificate'
> {
  const { apiKeySecretRef: secret, headersFrom = [] } = spec;
  return {
    ...(secret && {
      credential: {
        path: `${credentialDirectory(spec)}/${secret.key}`,
        secret: secret.name,
        key: secret.key,
      },
    }),
    ...(sendsBearer(spec) && { credentialScheme: 'Bearer' as const }),
    ...(headersFrom.length > 0 && { headersFrom: secretHeaders(headersFrom) }),
    ...resolveIdentity(spec),
    ...clientCertificate(spec),
  };
}
