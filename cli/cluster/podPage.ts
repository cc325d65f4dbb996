import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { ForwardedPort, type ClusterConfig, type PodPort } from './kube.ts';

const DEADLINE_MS = 10_000;

/**
 * Reads a page of a pod by port-forward, as kubectl does. This needs `create` on pods/portforward.
 * @throws Error if the pod does not answer 200 within ten seconds
 */
export async function podPage(
  config: ClusterConfig,
  pod: PodPort,
  path: string,
  headers: Record<string, string> = {},
): Promise<string> {
  const way = new ForwardedPort(config, pod);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({
    path,
    headers,
    host: 'localhost',
    signal: AbortSignal.timeout(DEADLINE_MS),
    createConnection: () => way,
  });
  asked.on('error', reject);
  asked.on('response', (response) => {
    text(response).then((body) => {
      if (response.statusCode === 200) resolve(body);
      else reject(new Error(`${pod.name} answered ${response.statusCode} to ${path}`));
    }, reject);
  });
  asked.end();
  try {
    return await promise;
  } finally {
    way.destroy();
  }
}
