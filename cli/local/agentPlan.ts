import type { Content } from '../../contract/generated/types.ts';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import type { Attachment, PolicyAttachment } from '../../operator/desired/policies/attachment.ts';
import { planAgent, type AgentPlan } from '../../operator/desired/plan.ts';
import type { Objects } from '../manifests/inventory.ts';
import { localClients } from './clients.ts';
import { valueOf, variableOf, type Environment, type KeyRef } from './keys.ts';

/** The plan of an agent on this computer. */
export interface LocalPlan {
  /** NAMESPACE/NAME. */
  id: string;
  namespace: string;
  name: string;
  agent: AgentDeployment;
  /** By the operator. Its problems include what this computer lacks. */
  planned: AgentPlan;
  /** Absent if the spec results in no configuration. */
  content?: Content;
  /** Contents of the files that content names, by path. */
  files: Map<string, string>;
  /** Faults, each with what to change. */
  problems: string[];
  /** Differences from the manifest. */
  notes: string[];
}

export interface PlanContext {
  environment: Environment;
  /** Directory of the agent's files; stands for the root of its pods. */
  directoryOf(id: string): string;
  /** Address of the simulated model for the agent's endpoint; absent: none. */
  simulated?: (id: string, endpoint: string) => string;
  /** Whether the directory also stands for the root of what pods write, as on a person's computer. */
  ownOutput?: boolean;
}

/** A placeholder: no image is pulled on this computer. */
const OPTIONS = { runtimeImage: 'local', operatorNamespace: 'breakwater-system' };

/** Goes to simulated models instead of the real keys. */
const SIMULATED_KEY = 'simulated';

/** What the manifests result in on this computer. */
export interface LocalPlans {
  agents: LocalPlan[];
  breakers: PolicyAttachment<CircuitBreakerPolicy>[];
  limits: PolicyAttachment<RateLimitPolicy>[];
  /** Faults of policies. */
  problems: string[];
}

/** The plans of all agents, from the operator's builders, with the faults of policies. */
export function localPlans(objects: Objects, context: PlanContext): LocalPlans {
  const namespaces = [...attachments(objects).values()];
  return {
    agents: namespaces.flatMap((attachment) =>
      [...attachment.agents.values()].map(({ agent, circuits, limits }) => {
        const planned = planAgent({
          agent,
          attachment: { circuits, limits },
          options: OPTIONS,
        });
        return localised(agent, planned, objects, context);
      }),
    ),
    breakers: namespaces.flatMap(({ breakers }) => breakers),
    limits: namespaces.flatMap(({ limits }) => limits),
    problems: namespaces.flatMap(({ breakers, limits }) =>
      [...breakers, ...limits].flatMap(messagesOf),
    ),
  };
}

/** Policies and agents joined, by namespace. */
export function attachments({ agents, breakers, limits }: Objects): Map<string, Attachment> {
  const all = [...agents, ...breakers, ...limits];
  const names = [...new Set(all.map(({ metadata }) => metadata.namespace!))].sort();
  const within = <T extends { metadata: { namespace?: string } }>(name: string, each: T[]): T[] =>
    each.filter(({ metadata: { namespace } }) => namespace === name);
  return new Map(
    names.map((name) => [
      name,
      attach(
        { breakers: within(name, breakers), limits: within(name, limits) },
        within(name, agents),
      ),
    ]),
  );
}

function messagesOf({
  policy: { kind, metadata },
  accepted,
  overridden,
}: PolicyAttachment): string[] {
  const messages = [
    ...(accepted.status === 'True' ? [] : [accepted.message]),
    ...(overridden.status === 'True' ? [overridden.message] : []),
  ];
  return messages.map((message) => `${kind} ${metadata.name}: ${message}`);
}

function localised(
  agent: AgentDeployment,
  planned: AgentPlan,
  { keys }: Objects,
  context: PlanContext,
): LocalPlan {
  const { name } = agent.metadata;
  const namespace = agent.metadata.namespace!;
  const id = `${namespace}/${name}`;
  const base = { id, namespace, name, agent };
  const files = new Map<string, string>();
  const messages = [...planned.problems, ...planned.warnings].map(
    ({ message }) => `AgentDeployment ${name}: ${message}`,
  );
  if (planned.content === undefined)
    return { ...base, planned, files, problems: messages, notes: [] };
  const content = structuredClone(planned.content);
  // There is no Service that would have to learn of the shutdown.
  content.shutdown.endpointLagMs = 0;
  const notes = simulate(content, id, context);
  if (context.ownOutput === true && content.audit?.file) {
    content.audit.file.directory = `${context.directoryOf(id)}${content.audit.file.directory}`;
    notes.push(`writes its audit below ${content.audit.file.directory}`);
  }
  const missing = new Set<string>();
  for (const file of mountedFiles(content)) {
    file.path = `${context.directoryOf(id)}${file.path}`;
    const ref = refOf(file, namespace);
    const value = isSimulated(file, content, context)
      ? SIMULATED_KEY
      : valueOf(ref, keys, context.environment);
    if (value === undefined) missing.add(missingKey(ref));
    else files.set(file.path, value);
  }
  const clients = localClients(content, { directory: context.directoryOf(id), namespace, keys });
  for (const [path, text] of clients.files) files.set(path, text);
  for (const text of clients.missing) missing.add(text);
  const lacks = [...missing];
  return {
    ...{ ...base, content, files, notes },
    planned: {
      ...planned,
      problems: [
        ...planned.problems,
        ...lacks.map((message) => ({ reason: 'KeyMissing', message: `${message}.` })),
      ],
    },
    problems: [...messages, ...lacks.map((text) => `AgentDeployment ${name}: ${text}`)],
  };
}

/** Points the agent to its simulated models, if any. Returns the notes on other differences. */
function simulate(content: Content, id: string, { simulated }: PlanContext): string[] {
  if (simulated === undefined) return [];
  for (const endpoint of content.endpoints) {
    endpoint.baseURL = simulated(id, endpoint.name);
    // Simulated models require no client certificate.
    delete endpoint.clientCertificate;
  }
  if (!content.redis) return [];
  delete content.redis;
  if (content.conversation) content.conversation.store = 'Memory';
  return ['keeps conversations in memory and uses no Redis, because its models are simulated'];
}

/** A file that the operator would mount. */
interface MountedFile {
  path: string;
  key: string;
  secret?: string;
  configMap?: string;
}

/** All mounted files that a configuration names. */
function mountedFiles(value: unknown): MountedFile[] {
  if (typeof value !== 'object' || value === null) return [];
  const { path, key, secret, configMap } = value as Partial<MountedFile>;
  const mounted = typeof path === 'string' && typeof key === 'string';
  if (mounted && (typeof secret === 'string' || typeof configMap === 'string')) {
    return [value as MountedFile];
  }
  return Object.values(value).flatMap(mountedFiles);
}

function refOf({ key, secret, configMap }: MountedFile, namespace: string): KeyRef {
  return configMap === undefined
    ? { kind: 'Secret', namespace, name: secret!, key }
    : { kind: 'ConfigMap', namespace, name: configMap, key };
}

function isSimulated(
  file: MountedFile,
  { endpoints }: Content,
  { simulated }: PlanContext,
): boolean {
  return simulated !== undefined && endpoints.some(({ credential }) => credential === file);
}

function missingKey(ref: KeyRef): string {
  const { kind, name, key } = ref;
  const what = `${kind} ${name} with the key ${key} is missing; add a manifest of it`;
  return kind === 'Secret' ? `${what}, or set ${variableOf(ref)} in the environment` : what;
}
