/**
 * The reference: a pooled HTTP client that issues the writes that the operator has to make for the agents of a prefix,
 * with the same watches open, and does nothing else. It builds the bodies before the clock starts.
 */
import { createHash } from 'node:crypto';
import { Pool } from 'undici';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../../crds/generated/types.ts';
import { attach } from '../../../operator/desired/policies/attach.ts';
import { buildConfigMap } from '../../../operator/desired/objects/configMap.ts';
import { AGENT_LABEL, MANAGED_BY } from '../../../operator/desired/common/metadata.ts';
import { planAgent, plannedObjects } from '../../../operator/desired/plan.ts';
import { apiVersionOf, resourcePath, type KubernetesObject } from '../../../operator/kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  ConfigMaps,
  Deployments,
  HorizontalPodAutoscalers,
  NetworkPolicies,
  PodDisruptionBudgets,
  Pods,
  RateLimitPolicies,
  ReplicaSets,
  ServiceAccounts,
  Services,
} from '../../../operator/resources/resources.ts';
import type { Access } from '../../kit/operator/access.ts';
import { IMAGE, NAMESPACE } from '../../kit/operator/operatorProcess.ts';
import { readStatuses } from './statuses.ts';

/** Requests at a time, as many as the operator sends at most. More are slower where two cores serve them. */
const CONNECTIONS = 7;
const OURS = `app.kubernetes.io/managed-by=${MANAGED_BY},${AGENT_LABEL}`;

export interface BareOrder {
  access: Access;
  authority: string;
  /** Prefix of the namespaces to write into. */
  prefix: string;
  /** File with the statuses that the operator wrote for such objects. */
  statuses: string;
}

export interface BareResult {
  seconds: number;
  /** Processor time of this process in seconds. */
  cpu: number;
  writes: number;
}

const { access, authority, prefix, statuses } = JSON.parse(process.env['BENCH']!) as BareOrder;
const pool = new Pool(access.server, { connections: CONNECTIONS, connect: access.tls });
const watches = new Pool(access.server, { connect: access.tls, bodyTimeout: 0 });

interface Write {
  method: 'PATCH' | 'PUT';
  path: string;
  body: string;
}

async function list<T>(path: string): Promise<{ items: T[]; version: string }> {
  const { body } = await pool.request({ method: 'GET', path });
  const answer = (await body.json()) as { items: T[]; metadata: { resourceVersion: string } };
  return { items: answer.items, version: answer.metadata.resourceVersion };
}

async function watch(path: string, selector = ''): Promise<void> {
  const query = selector === '' ? '' : `labelSelector=${encodeURIComponent(selector)}&`;
  const { version } = await list(`${path}?${query}limit=500`);
  const { body } = await watches.request({
    method: 'GET',
    path: `${path}?${query}watch=true&resourceVersion=${version}&allowWatchBookmarks=true`,
  });
  body.on('data', () => undefined);
  body.on('error', () => undefined);
}

const all = <T extends KubernetesObject>(resource: { items: T[] }, start: string): T[] =>
  resource.items.filter(({ metadata }) => metadata.namespace!.startsWith(`${start}-`));

const RESOURCES = {
  ConfigMap: ConfigMaps,
  Deployment: Deployments,
  NetworkPolicy: NetworkPolicies,
  PodDisruptionBudget: PodDisruptionBudgets,
  Service: Services,
  ServiceAccount: ServiceAccounts,
} as const;

function applied(object: KubernetesObject): Write {
  const resource = RESOURCES[object.kind as keyof typeof RESOURCES];
  const { namespace, name } = object.metadata;
  const hash = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  const annotations = {
    ...(object.metadata as { annotations?: object }).annotations,
    'breakwater.dev/applied': hash,
  };
  const body = { ...object, metadata: { ...object.metadata, annotations } };
  return {
    method: 'PATCH',
    path: `${resourcePath(resource, namespace, name)}?fieldManager=bare&force=true`,
    body: JSON.stringify(body),
  };
}

const agents = await list<AgentDeployment>(resourcePath(AgentDeployments));
const breakers = await list<CircuitBreakerPolicy>(resourcePath(CircuitBreakerPolicies));

const statusOf = await readStatuses(statuses);

/** Gives the object the status that the operator wrote for the object in the same place. */
function status(
  resource: typeof CircuitBreakerPolicies | typeof AgentDeployments,
  bare: KubernetesObject,
): Write {
  const { namespace, name } = bare.metadata;
  const object = { ...bare, apiVersion: apiVersionOf(resource), kind: resource.kind };
  return {
    method: 'PUT',
    path: resourcePath(resource, namespace, name, 'status'),
    body: JSON.stringify({ ...object, status: statusOf(object) }),
  };
}

function writesOf(agent: AgentDeployment): Write[] {
  const { namespace, name } = agent.metadata;
  const policies = all(breakers, prefix).filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
  );
  const owner: AgentDeployment = {
    ...agent,
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
  };
  const attachment = attach({ breakers: policies, limits: [] }, [owner]).agents.get(name)!;
  const options = { runtimeImage: IMAGE, operatorNamespace: NAMESPACE };
  const plan = planAgent({ agent: owner, attachment, options });
  const configuration = {
    revision: { term: 0, counter: 1 },
    hash: plan.hash!,
    content: plan.content!,
  };
  return [
    applied(buildConfigMap(owner, configuration, authority)),
    ...plannedObjects(plan).map(applied),
    ...policies.map((policy) => status(CircuitBreakerPolicies, policy)),
    status(AgentDeployments, agent),
  ];
}

async function send({ method, path, body }: Write): Promise<void> {
  const contentType = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json';
  const headers = { 'content-type': contentType };
  const answer = await pool.request({ method, path, body, headers });
  if (answer.statusCode >= 300) throw new Error(`${path}: ${await answer.body.text()}`);
  await answer.body.dump();
}

for (const resource of [AgentDeployments, CircuitBreakerPolicies, RateLimitPolicies]) {
  await watch(resourcePath(resource));
}
for (const resource of [Pods, ReplicaSets, HorizontalPodAutoscalers, ...Object.values(RESOURCES)]) {
  await watch(resourcePath(resource), OURS);
}
const queue = all(agents, prefix).map(writesOf);
const writes = queue.reduce((sum, list) => sum + list.length, 0);
const started = performance.now();
const before = process.cpuUsage();
/** The writes of one agent run one after another, those of different agents run in parallel. */
const worker = async (): Promise<void> => {
  for (let next = queue.shift(); next; next = queue.shift()) {
    for (const write of next) await send(write);
  }
};
await Promise.all(Array.from({ length: CONNECTIONS }, worker));
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(before);
process.send!({ seconds, cpu: (user + system) / 1e6, writes } satisfies BareResult);
process.exit(0);
