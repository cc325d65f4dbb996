import { Agent, request } from 'undici';
import type { KubernetesObject } from '../../crds/meta.ts';
import { inBackground } from './background.ts';
import type { Kubectl } from './kubectl.ts';

/** The API server refused a request. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const GROUPS: Record<string, string> = {
  agentdeployments: 'apis/breakwater.dev/v1alpha1',
  circuitbreakerpolicies: 'apis/breakwater.dev/v1alpha1',
  ratelimitpolicies: 'apis/breakwater.dev/v1alpha1',
  deployments: 'apis/apps/v1',
  replicasets: 'apis/apps/v1',
  horizontalpodautoscalers: 'apis/autoscaling/v2',
  poddisruptionbudgets: 'apis/policy/v1',
  networkpolicies: 'apis/networking.k8s.io/v1',
  leases: 'apis/coordination.k8s.io/v1',
  events: 'apis/events.k8s.io/v1',
  endpointslices: 'apis/discovery.k8s.io/v1',
};

function path(resource: string, namespace: string | undefined, name?: string): string {
  const parts = [GROUPS[resource] ?? 'api/v1'];
  if (namespace !== undefined) parts.push('namespaces', namespace);
  parts.push(resource);
  if (name !== undefined) parts.push(name);
  return `/${parts.join('/')}`;
}

/** One event of a watch. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

/**
 * Client of the API server by plain HTTP over `kubectl proxy`, with the user's credentials. It is quick enough for polling
 * and measuring. Resources are lower-case plurals.
 */
export class Api {
  readonly #origin: string;
  readonly #agent = new Agent({ bodyTimeout: 0 });
  readonly #stop: () => void;

  private constructor(origin: string, stop: () => void) {
    this.#origin = origin;
    this.#stop = stop;
  }

  static async connect(kubectl: Kubectl): Promise<Api> {
    const proxy = await inBackground(
      kubectl,
      ['proxy', '--port', '0'],
      /^Starting to serve on (\S+)/,
    );
    return new Api(`http://${proxy.line[1]}`, proxy.stop);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    this.#stop();
  }

  /** @throws ApiError if the API server refuses the request */
  async request<T>(
    method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    url: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<T> {
    const answer = await request(`${this.#origin}${url}`, {
      method,
      dispatcher: this.#agent,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
    });
    const text = await answer.body.text();
    if (answer.statusCode < 300) return JSON.parse(text) as T;
    const message = /"message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text;
    throw new ApiError(answer.statusCode, `${method} ${url}: ${answer.statusCode} ${message}`);
  }

  get<T extends KubernetesObject>(
    resource: string,
    namespace: string | undefined,
    name: string,
  ): Promise<T> {
    return this.request('GET', path(resource, namespace, name));
  }

  /** Undefined if there is no such object. */
  async find<T extends KubernetesObject>(
    resource: string,
    namespace: string | undefined,
    name: string,
  ): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, namespace, name);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  async list<T extends KubernetesObject>(
    resource: string,
    namespace: string | undefined,
    labelSelector = '',
  ): Promise<T[]> {
    const query = labelSelector && `?labelSelector=${encodeURIComponent(labelSelector)}`;
    const list = await this.request<{ items: T[] }>('GET', path(resource, namespace) + query);
    return list.items;
  }

  /** JSON merge patch. @param subresource such as status */
  mergePatch<T extends KubernetesObject>(
    resource: string,
    namespace: string | undefined,
    name: string,
    patch: unknown,
    subresource?: string,
  ): Promise<T> {
    const suffix = subresource === undefined ? '' : `/${subresource}`;
    const url = path(resource, namespace, name) + suffix;
    return this.request('PATCH', url, patch, 'application/merge-patch+json');
  }

  /** Deletes an object if it exists. */
  async remove(
    resource: string,
    namespace: string | undefined,
    name: string,
    options: { gracePeriodSeconds?: number; propagationPolicy?: string } = {},
  ): Promise<void> {
    try {
      await this.request('DELETE', path(resource, namespace, name), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        ...options,
      });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /** Watches the objects of a resource in a namespace until the signal aborts. Default: from now on. */
  async *watch<T extends KubernetesObject>(
    resource: string,
    namespace: string,
    options: { signal: AbortSignal; resourceVersion?: string },
  ): AsyncGenerator<WatchEvent<T>> {
    const version = options.resourceVersion ? `&resourceVersion=${options.resourceVersion}` : '';
    const answer = await request(`${this.#origin}${path(resource, namespace)}?watch=1${version}`, {
      dispatcher: this.#agent,
      signal: options.signal,
    });
    let rest = '';
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
      }
    } catch (error) {
      if (!options.signal.aborted) throw error;
    }
  }
}
