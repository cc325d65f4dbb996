import type { Content, Endpoint } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { secretFile, type SecretKeyRef } from './secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type EndpointSpec = Spec['model']['endpoints'][number];

/** Keys of a Secret of type kubernetes.io/basic-auth. */
const BASIC_AUTH = { username: 'username', password: 'password' } as const;
/** Keys of a Secret of type kubernetes.io/tls. */
const TLS = { certificate: 'tls.crt', key: 'tls.key' } as const;

/** How the pods reach others: proxies, and authorities that they trust. */
export function resolveNetwork({ proxy, trustedCA }: Spec): Pick<Content, 'proxy' | 'trustedCA'> {
  return {
    ...(proxy && { proxy: resolveProxy(proxy) }),
    ...(trustedCA && { trustedCA: mountedCA(trustedCA.configMapKeyRef) }),
  };
}

/** The client certificate for an endpoint. */
export function clientCertificate({ tls }: EndpointSpec): Pick<Endpoint, 'clientCertificate'> {
  if (!tls) return {};
  const { name } = tls.clientCertSecretRef;
  const file = (key: string): ReturnType<typeof secretFile> => secretFile({ name, key });
  return { clientCertificate: { certificate: file(TLS.certificate), key: file(TLS.key) } };
}

/** The keys of Secrets that connections need, with their purpose. */
export function networkSecrets({ proxy, model }: Spec): NetworkSecret[] {
  const credentials = proxy?.credentialsSecretRef;
  return [
    ...(credentials ? keysOf(credentials.name, 'Proxy', Object.values(BASIC_AUTH)) : []),
    ...model.endpoints.flatMap(({ name, tls }) =>
      tls ? keysOf(tls.clientCertSecretRef.name, `model/${name}`, Object.values(TLS)) : [],
    ),
  ];
}

export interface NetworkSecret extends SecretKeyRef {
  /** The endpoint whose client certificate it is, or Proxy. */
  of: string;
}

function keysOf(name: string, of: string, keys: readonly string[]): NetworkSecret[] {
  return keys.map((key) => ({ name, key, of }));
}

function resolveProxy(spec: NonNullable<Spec['proxy']>): NonNullable<Content['proxy']> {
  const { httpProxy, httpsProxy, noProxy = [], credentialsSecretRef: secret } = spec;
  const file = (name: string, key: string): ReturnType<typeof secretFile> =>
    secretFile({ name, key });
  return {
    ...(httpProxy !== undefined && { http: httpProxy }),
    ...(httpsProxy !== undefined && { https: httpsProxy }),
    noProxy,
    ...(secret && {
      credentials: {
        username: file(secret.name, BASIC_AUTH.username),
        password: file(secret.name, BASIC_AUTH.password),
      },
    }),
  };
}

function mountedCA({
  name: configMap,
  key,
}: NonNullable<Spec['trustedCA']>['configMapKeyRef']): NonNullable<Content['trustedCA']> {
  return { path: `${MOUNTS.trustedCA}/${key}`, configMap, key };
}
