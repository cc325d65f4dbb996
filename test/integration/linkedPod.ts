import { CONTROL_AUDIENCE } from '../../contract/link.ts';
import type { KubernetesObject, ObjectMeta } from '../../crds/meta.ts';
import { hello, target } from '../../operator/testing/messages.ts';
import type { ApiServer } from './apiserver.ts';

const MERGE = 'application/merge-patch+json';

const core = (namespace: string, rest: string): string => `/api/v1/namespaces/${namespace}/${rest}`;

export interface MadePod {
  ip: string;
  uid: string;
  hello: object;
}

/** A pod with the agent's labels and a token of a ServiceAccount. It answers every link. */
export async function makePod(
  server: ApiServer,
  namespace: string,
  name: string,
  ip: string,
  { ownerReferences = [] }: Pick<ObjectMeta, 'ownerReferences'>,
  account = 'one',
): Promise<MadePod> {
  const labels = {
    'app.kubernetes.io/managed-by': 'breakwater',
    'breakwater.dev/agent': 'one',
  };
  const made = await server.request<KubernetesObject>('POST', core(namespace, 'pods'), {
    body: {
      metadata: { name, labels, ownerReferences },
      spec: { serviceAccountName: account, containers: [{ name: 'agent', image: 'runtime:1' }] },
    },
  });
  const uid = made.body.metadata.uid!;
  const tokens = core(namespace, `serviceaccounts/${account}/token`);
  const token = await server.request<{ status: { token: string } }>('POST', tokens, {
    body: {
      spec: {
        audiences: [CONTROL_AUDIENCE],
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      },
    },
  });
  await server.request('PATCH', core(namespace, `pods/${name}/status`), {
    contentType: MERGE,
    body: { status: { podIP: ip, podIPs: [{ ip }], phase: 'Running' } },
  });
  const said = hello(target(1, { namespace, agent: 'one', name, uid }));
  return { ip, uid, hello: { ...said, token: token.body.status.token } };
}
