import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { ClusterConfig } from '../../../operator/kube/index.ts';

/** Address and credentials of an API server, as JSON for another process. */
export interface Access {
  server: string;
  tls: { ca?: string; cert?: string; key?: string };
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; 'certificate-authority-data': string } }];
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

/** Reads a kubeconfig without the client library, whose memory would count in the measurement. */
export async function accessOf(kubeconfig: string): Promise<Access> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const decoded = (text: string): string => Buffer.from(text, 'base64').toString();
  const { cluster } = clusters[0];
  const { user } = users[0];
  return {
    server: cluster.server,
    tls: {
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    },
  };
}

export function clusterOf({ server, tls }: Access): ClusterConfig {
  return {
    server,
    namespace: 'default',
    credentials: () => Promise.resolve({ tls, headers: {} }),
  };
}
