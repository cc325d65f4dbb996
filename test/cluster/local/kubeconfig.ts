import { readFile, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { KeyPairFiles } from './certificates.ts';

export interface KubeconfigOptions {
  /** Name of the cluster and of the context. */
  name: string;
  url: string;
  /** Path of the PEM certificate of the API server's authority. */
  authority: string;
  client: KeyPairFiles;
}

/** Writes a kubeconfig that refers to no other file, so that it can be copied. */
export async function writeKubeconfig(path: string, options: KubeconfigOptions): Promise<string> {
  const encoded = async (file: string): Promise<string> =>
    (await readFile(file)).toString('base64');
  const { name, url } = options;
  const content = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [
      {
        name,
        cluster: { server: url, 'certificate-authority-data': await encoded(options.authority) },
      },
    ],
    users: [
      {
        name,
        user: {
          'client-certificate-data': await encoded(options.client.certificate),
          'client-key-data': await encoded(options.client.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
  await writeFile(path, content, { mode: 0o600 });
  return path;
}
