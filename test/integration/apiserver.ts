/** A real API server for tests: etcd and kube-apiserver with Breakwater's kinds installed. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { parse } from 'yaml';
import { definitions, type Source } from '../../crds/definitions.ts';
import {
  startControlPlane,
  type ControlPlane,
  type ControlPlaneProcess,
} from '../cluster/local/apiserver.ts';
import { waitFor } from '../cluster/common/step.ts';

/** Timeout of `beforeAll`, in ms. The first start on a machine builds the binaries. */
export const START_TIMEOUT = 900_000;

const SERVED_TIMEOUT = 60_000;
/** For the operator to do what a test waits for, in ms. */
const CHANGE_TIMEOUT = 60_000;

export interface RequestOptions {
  query?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Default application/json. */
  contentType?: string;
  accept?: string;
}

export interface Answer<T> {
  status: number;
  body: T;
}

/** The Status of a refused request. */
export interface Status {
  kind: 'Status';
  reason: string;
  message: string;
  details?: { causes?: { reason: string; message: string; field: string }[] };
}

export interface ApiServer {
  url: string;
  /** Path of a kubeconfig with an administrator's certificate. */
  kubeconfig: string;
  /** Sends a request as administrator. Rejects only without an answer. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<Answer<T>>;
  /** Server-side apply with the field manager `test`, by force. Rejects if the API server refuses it. */
  apply<T>(path: string, body: object): Promise<T>;
  /** The object; undefined if it does not exist. */
  get<T>(path: string): Promise<T | undefined>;
  /** Waits until the object exists and is as expected. */
  until<T>(path: string, holds?: (object: T) => boolean): Promise<T>;
  /** Waits until the object is gone. */
  untilGone(path: string): Promise<void>;
  /** Creates a namespace with a name that begins with `prefix`. Returns the name. */
  namespace(prefix: string): Promise<string>;
  /** Kills etcd or the API server, as a crash does. */
  kill(process: ControlPlaneProcess): Promise<void>;
  /** Starts the killed process again with its data, and waits until the API is ready. */
  revive(process: ControlPlaneProcess): Promise<void>;
  /** Ends both processes and removes their data. */
  stop(): Promise<void>;
}

interface Kubeconfig {
  clusters: [{ cluster: { 'certificate-authority-data': string } }];
  users: [{ user: { 'client-certificate-data': string; 'client-key-data': string } }];
}

/** Starts an API server in about 3 s. It has only the custom resource definitions. */
export async function startApiServer(
  /** Further arguments of kube-apiserver. */
  args: readonly string[] = [],
): Promise<ApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-apiserver-'));
  const controlPlane = await startControlPlane({ directory, arguments: args });
  const agent = await administrator(controlPlane.kubeconfig);
  const server = new RunningApiServer(controlPlane, agent, directory);
  try {
    await Promise.all(definitions().map((source) => install(server, source)));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class RunningApiServer implements ApiServer {
  readonly url: string;
  readonly kubeconfig: string;
  readonly #controlPlane: ControlPlane;
  readonly #agent: Agent;
  readonly #directory: string;

  constructor(controlPlane: ControlPlane, agent: Agent, directory: string) {
    this.url = controlPlane.url;
    this.kubeconfig = controlPlane.kubeconfig;
    this.#controlPlane = controlPlane;
    this.#agent = agent;
    this.#directory = directory;
  }

  async request<T>(method: string, path: string, options: RequestOptions = {}): Promise<Answer<T>> {
    const { statusCode, body } = await request(new URL(path, this.url), {
      dispatcher: this.#agent,
      method: method as 'GET',
      query: options.query,
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      headers: {
        accept: options.accept ?? 'application/json',
        'content-type': options.contentType ?? 'application/json',
      },
    });
    const text = await body.text();
    return { status: statusCode, body: parseAnswer(text) as T };
  }

  async apply<T>(path: string, body: object): Promise<T> {
    const answer = await this.request<T>('PATCH', path, {
      query: { fieldManager: 'test', force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body,
    });
    if (answer.status >= 300)
      throw new Error(`PATCH ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async get<T>(path: string): Promise<T | undefined> {
    const { status, body } = await this.request<T>('GET', path);
    return status === 200 ? body : undefined;
  }

  until<T>(path: string, holds: (object: T) => boolean = () => true): Promise<T> {
    return waitFor(`${path} is not as expected`, CHANGE_TIMEOUT, async () => {
      const object = await this.get<T>(path);
      return object !== undefined && holds(object) ? object : undefined;
    });
  }

  async untilGone(path: string): Promise<void> {
    await waitFor(
      `${path} is still there`,
      CHANGE_TIMEOUT,
      async () => (await this.request('GET', path)).status === 404,
    );
  }

  async namespace(prefix: string): Promise<string> {
    const body = { metadata: { generateName: `${prefix}-` } };
    const answer = await this.request<{ metadata: { name: string } }>(
      'POST',
      '/api/v1/namespaces',
      { body },
    );
    return answer.body.metadata.name;
  }

  kill(process: ControlPlaneProcess): Promise<void> {
    return this.#controlPlane.kill(process);
  }

  revive(process: ControlPlaneProcess): Promise<void> {
    return this.#controlPlane.revive(process);
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    await this.#controlPlane.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Parses JSON. Returns plain text, such as that of /readyz, unchanged. */
function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function administrator(kubeconfig: string): Promise<Agent> {
  const { clusters, users } = parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const decoded = (text: string): Buffer => Buffer.from(text, 'base64');
  return new Agent({
    connect: {
      ca: decoded(clusters[0].cluster['certificate-authority-data']),
      cert: decoded(users[0].user['client-certificate-data']),
      key: decoded(users[0].user['client-key-data']),
    },
  });
}

/** Applies a definition and waits until the API server serves its kind. */
async function install(server: ApiServer, source: Source): Promise<void> {
  const { metadata, spec } = source.definition;
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`;
  await server.apply(path, source.definition);
  await waitFor(`${metadata.name} is not served`, SERVED_TIMEOUT, async () => {
    const { body } = await server.request<{
      status?: { conditions?: { type: string; status: string }[] };
    }>('GET', path);
    const established = body.status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    if (!established) return false;
    const list = `/apis/${spec.group}/${spec.versions[0]!.name}/${spec.names.plural}`;
    return (await server.request('GET', list)).status === 200;
  });
}
