import { randomBytes } from 'node:crypto';
import type { Configuration } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { configMapName, FIELD_MANAGER, isPaused } from '../desired/common/metadata.ts';
import type { Upgrade } from '../desired/objects/deployment.ts';
import { isInOperatorNamespace } from '../desired/tenancy/tenancy.ts';
import type { AgentAttachment } from '../desired/policies/attachment.ts';
import {
  planAgent,
  podChange,
  type AgentPlan,
  type PlanInput,
  type PlanOptions,
} from '../desired/plan.ts';
import {
  isNamespaceTerminating,
  type Deployment,
  type KubeClient,
  type Reconcile,
} from '../kube/index.ts';
import type { AgentNotifier } from './agentNotifier.ts';
import type { AgentState, Applied } from './agentState.ts';
import { attachedVersions } from './attachedVersions.ts';
import type { Attachments } from './attachments.ts';
import { ChildWriter, isControlledBy } from './children.ts';
import { Configurations, type ConfigurationsOptions } from './configurations.ts';
import { isHeldBack, PlanWriter } from './planWriter.ts';
import { ProgramTokens } from './programTokens.ts';
import type { OwnWrites } from './ownWrites.ts';
import { Repairs } from './repairs.ts';
import type { Upgrades } from './upgrades.ts';

export interface AgentReconcilerOptions extends Omit<ConfigurationsOptions, 'lastApplied'> {
  client: Pick<KubeClient, 'get' | 'apply' | 'delete'>;
  attachments: Attachments;
  plan: PlanOptions;
  upgrades: Upgrades;
  /** PEM of the authorities that pods accept; see Rotation. */
  authorityPem: () => string;
  /** Filters the watch events of our own writes. */
  ownWrites?: OwnWrites;
  /** Called when an agent is gone. `onReconciled` is called after every other reconcile. */
  notifier?: Pick<AgentNotifier, 'notify'>;
  /** Called after each reconcile: the agent's status may have changed. */
  onReconciled: (key: string) => void;
  /** Makes a token for a program. Default: 32 random bytes. */
  programToken?: () => string;
  /** Milliseconds until a write that the API server refused is tried again. Default: a minute. */
  refusedRetryMs?: number;
}

const REFUSED_RETRY_MS = 60_000;
/** A webhook that does not answer is usually back soon, and no watch event tells when. */
const WEBHOOK_RETRY_MS = 10_000;

/** Reconciles AgentDeployments: writes their objects and configures their pods, for one term of the leader. */
export class AgentReconciler {
  readonly #options: AgentReconcilerOptions;
  readonly #children: ChildWriter;
  readonly #configurations: Configurations;
  readonly #states = new Map<string, AgentState>();
  readonly #tokens: ProgramTokens;

  constructor(options: AgentReconcilerOptions) {
    this.#options = options;
    this.#children = new ChildWriter(options.client, new Repairs(options.now), options.ownWrites);
    this.#tokens = new ProgramTokens(
      options.programToken ?? (() => randomBytes(32).toString('base64url')),
    );
    this.#configurations = new Configurations({
      ...options,
      lastApplied: (key) => this.#states.get(key),
    });
  }

  /** Undefined before the first reconcile of the agent. */
  stateOf(key: string): AgentState | undefined {
    return this.#states.get(key);
  }

  /** Term under which this process leads the agent; 0 before its first reconcile. */
  termOf = (key: string): number => this.#configurations.termOf(key);

  reconcile: Reconcile = async (key, signal) => {
    const { refusedRetryMs = REFUSED_RETRY_MS, onReconciled } = this.#options;
    const found = await this.#get(key, signal);
    if (!found) return this.#forget(key);
    const input = this.#gather(found);
    const plan = this.#plan(key, input);
    const applied = await this.#apply(key, input, plan, signal);
    await this.#followNamespace(key, input.agent, signal);
    this.#setState(key, input, plan, applied);
    onReconciled(key);
    return retryOf(applied, refusedRetryMs);
  };

  /** The agent and its Deployment; undefined when the agent is gone or being deleted. */
  async #get(
    key: string,
    signal: AbortSignal,
  ): Promise<{ agent: AgentDeployment; live: Deployment | undefined } | undefined> {
    const cached = this.#cachedAgent(key);
    if (!cached) return undefined;
    const live = await this.#deployment(cached, signal);
    // The agent may have changed or gone during the request.
    const agent = this.#cachedAgent(key);
    return agent && { agent, live };
  }

  #cachedAgent(key: string): AgentDeployment | undefined {
    const agent = this.#options.caches.agents.getByKey(key);
    return agent?.metadata.deletionTimestamp === undefined ? agent : undefined;
  }

  /**
   * The cache lacks a Deployment whose labels somebody removed. Without its Deployment an agent would get the newest
   * image at once, even if it must wait for its upgrade or upgrades manually. So the API server is asked for the
   * Deployment of an agent that had one.
   */
  async #deployment(agent: AgentDeployment, signal: AbortSignal): Promise<Deployment | undefined> {
    const { client, caches } = this.#options;
    const { namespace, name } = agent.metadata;
    const cached = caches.deployments.get(namespace, name);
    if (cached || agent.status?.image === undefined) return cached;
    const stored = await client.get(caches.deployments.resource, namespace, name, { signal });
    return stored && isControlledBy(agent, stored) ? stored : undefined;
  }

  #gather({
    agent,
    live,
  }: {
    agent: AgentDeployment;
    live: Deployment | undefined;
  }): GatheredInput {
    const { caches, attachments, plan: options } = this.#options;
    const { namespace, name } = agent.metadata;
    return {
      agent,
      attachment: attachments.of(namespace!).agents.get(name)!,
      options,
      facts: caches.optional.monitoring,
      scaledObjects: caches.optional.scaledObjects,
      ...(live && { live }),
    };
  }

  #plan(key: string, input: GatheredInput): AgentPlan {
    const upgrade = this.#admitUpgrade(key, input);
    return planAgent({ ...input, ...(upgrade && { upgrade }) });
  }

  /** An agent that the operator must not change takes no place from other agents that wait for their upgrade. */
  #admitUpgrade(key: string, input: GatheredInput): Upgrade | undefined {
    const { upgrades } = this.#options;
    if (!isPaused(input.agent) && !isExcluded(input)) {
      return upgrades.admit(key, podChange(input), input.live);
    }
    upgrades.release(key);
    return undefined;
  }

  async #apply(
    key: string,
    input: GatheredInput,
    plan: AgentPlan,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { agent } = input;
    if (isExcluded(input)) return { applyErrors: [] };
    if (isPaused(agent)) return this.#configurations.keep(key, agent);
    const { upgrades, caches } = this.#options;
    const writer = new PlanWriter({ agent, plan, caches, children: this.#children, signal });
    const published = await this.#publish(key, agent, plan, writer);
    await writer.applyObjects();
    // Nothing rolls out if the Deployment was not written.
    if (isHeldBack(writer.result)) upgrades.release(key);
    return { ...published, ...writer.result };
  }

  /** Stores the configuration before it is pushed: a pod that starts now must read what its siblings are sent. */
  async #publish(
    key: string,
    agent: AgentDeployment,
    plan: AgentPlan,
    writer: PlanWriter,
  ): Promise<Pick<Applied, 'configuration' | 'configuredAt'>> {
    const configuration = this.#configurations.revise(key, agent, plan);
    if (!configuration) return {};
    const { authorityPem, caches } = this.#options;
    const live = caches.configMaps.get(agent.metadata.namespace, configMapName(agent));
    const token = this.#tokens.of(key, agent, live);
    if (!(await writer.applyConfiguration(configuration, authorityPem(), token))) {
      return { configuration, ...this.#sentBefore(key, configuration) };
    }
    return { configuration, configuredAt: this.#configurations.push(key, configuration) };
  }

  /** When pods were sent this configuration; empty if they were not. */
  #sentBefore(key: string, { hash }: Configuration): Pick<Applied, 'configuredAt'> {
    const { configuration, configuredAt } = this.#states.get(key) ?? {};
    return configuration?.hash === hash && configuredAt !== undefined ? { configuredAt } : {};
  }

  #setState(
    key: string,
    { agent, attachment }: GatheredInput,
    plan: AgentPlan,
    applied: Applied,
  ): void {
    this.#states.set(key, {
      plan: factsOf(plan),
      ...applied,
      paused: isPaused(agent),
      attachment: attachedVersions(attachment),
    });
  }

  /**
   * Kubernetes deletes the pods of a namespace first, and looks again after 5 s and then much later. The operator tells
   * those pods to end without waiting for Services. A namespace that is deleted refuses new objects.
   */
  async #followNamespace(key: string, agent: AgentDeployment, signal: AbortSignal): Promise<void> {
    const { caches, client, links } = this.#options;
    const pods = caches.replicas.of(key);
    const end = pods.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
    if (pods.length === 0 || !end) return;
    const { namespace } = agent.metadata;
    const metadata = { namespace: namespace!, name: `${configMapName(agent)}-dry-run` };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    try {
      await client.apply(caches.configMaps.resource, object, {
        ...{ fieldManager: FIELD_MANAGER, signal },
        dryRun: true,
      });
    } catch (error) {
      if (isNamespaceTerminating(error)) links.namespaceDeleted(key);
    }
  }

  #forget(key: string): void {
    this.#options.upgrades.release(key);
    this.#states.delete(key);
    this.#tokens.forget(key);
    this.#configurations.forget(key);
    this.#options.notifier?.notify(key);
  }
}

/** When to try again what the API server refused, or to look at an object that is contested. */
function retryOf(
  { applyErrors, contests = [] }: Applied,
  refusedRetryMs: number,
): { requeueAfterMs: number } | void {
  const times = [
    ...applyErrors.map(({ reason }) =>
      reason === 'InternalError' ? Math.min(WEBHOOK_RETRY_MS, refusedRetryMs) : refusedRetryMs,
    ),
    ...contests.map(({ lookAgainMs }) => lookAgainMs),
  ];
  if (times.length > 0) return { requeueAfterMs: Math.min(...times) };
}

type GatheredInput = PlanInput & { attachment: AgentAttachment };

/** Whether the operator leaves the agent alone because of the agent's namespace. */
function isExcluded({ agent, options }: PlanInput): boolean {
  return isInOperatorNamespace(agent, options);
}

/** The part of a plan that status needs. The objects are left out: the caches hold them as they were applied. */
function factsOf(plan: AgentPlan): AgentState['plan'] {
  const { hash, dependencies, policies, image, endpoint, selector, problems, warnings } = plan;
  const { monitored, scaledByLoad, upgradeTo, upgradeStopped, upgradeFailed } = plan;
  return {
    ...(hash !== undefined && { hash }),
    ...{ dependencies, policies, image, endpoint, selector, problems, warnings },
    ...(monitored && { monitored }),
    ...(scaledByLoad && { scaledByLoad }),
    ...(upgradeTo !== undefined && { upgradeTo }),
    ...(upgradeStopped && { upgradeStopped }),
    ...(upgradeFailed && { upgradeFailed }),
  };
}
