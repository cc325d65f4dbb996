import type { Configuration } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { configMapName, isPaused } from '../desired/common/metadata.ts';
import { buildConfigMap } from '../desired/objects/configMap.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { isInOperatorNamespace } from '../desired/tenancy/tenancy.ts';
import type { AgentAttachment } from '../desired/policies/attachment.ts';
import {
  planAgent,
  plannedObjects,
  podChange,
  type AgentPlan,
  type PlanInput,
  type PlanOptions,
} from '../desired/plan.ts';
import { keyOf, type ConfigMap, type Deployment, type Reconcile } from '../kube/index.ts';
import type { PodLinks } from '../links/index.ts';
import type { AgentNews } from './agentNews.ts';
import type { AgentState, Applied } from './agentState.ts';
import { attachedVersions } from './attachedVersions.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import type { ChildClient } from './childClient.ts';
import type { Fleet } from './fleet.ts';
import { applyErrorOf, ChildWriter, isControlledBy } from './children.ts';
import type { CircuitLeader } from './circuitLeader.ts';
import type { ProviderLeader } from './providerLeader.ts';
import type { ApplyError } from '../status/observations.ts';
import { evidenceOf, storedConfiguration } from './evidence.ts';
import { guardedDeployment, standingOf, type Guards, type Standing } from './guards.ts';
import { obsoleteObjects } from './obsolete.ts';
import type { OwnWrites } from './ownWrites.ts';
import { Revisions, type Evidence } from './revisions.ts';
import { waitsForScaler } from './scalers.ts';
import type { Upgrades } from './upgrades.ts';

export interface AgentReconcilerOptions {
  client: ChildClient;
  caches: Caches;
  attachments: Attachments;
  links: PodLinks;
  circuits: Pick<CircuitLeader, 'configure' | 'forget'>;
  providers?: Pick<ProviderLeader, 'configure' | 'forget'>;
  plan: PlanOptions;
  upgrades: Upgrades;
  authorityPem: string;
  /** Where writes are noted, for those who hear of them. */
  ownWrites?: OwnWrites;
  /** Of the Lease under which this process leads. */
  leaseTransitions: number;
  /** Hears what pods are to run. */
  fleet?: Pick<Fleet, 'configured' | 'forget'>;
  /** Hears of agents that are forgotten; of those that were reconciled `onReconciled` tells. */
  news?: Pick<AgentNews, 'tell'>;
  /** Called after each reconcile: the agent's status may have changed. */
  onReconciled: (key: string) => void;
  /** Monotonic milliseconds. */
  now: () => number;
  /** How long to wait before trying again what the API server refused. */
  refusedRetryMs?: number;
}

const REFUSED_RETRY_MS = 60_000;
/** A webhook that does not answer is soon back, as a rule, and nothing tells of it. */
const WEBHOOK_RETRY_MS = 10_000;
const GUARDS_AND_DEPLOYMENT = new Set(['ServiceAccount', 'NetworkPolicy', 'Deployment']);

/** Brings each agent's objects and pods in line with its spec and its policies, for one term of the leader. */
export class AgentReconciler {
  readonly #options: AgentReconcilerOptions;
  readonly #children: ChildWriter;
  readonly #states = new Map<string, AgentState>();
  readonly #revisions = new Map<string, Revisions>();

  constructor(options: AgentReconcilerOptions) {
    this.#options = options;
    this.#children = new ChildWriter(options.client, options.ownWrites);
  }

  /** Undefined until the agent was reconciled once. */
  stateOf(key: string): AgentState | undefined {
    return this.#states.get(key);
  }

  /** Term under which this process leads the agent; 0 before its first reconcile. */
  termOf = (key: string): number => this.#revisions.get(key)?.term ?? 0;

  reconcile: Reconcile = async (key, signal) => {
    const { upgrades, onReconciled, refusedRetryMs = REFUSED_RETRY_MS } = this.#options;
    const known = this.#agent(key);
    const live = known && (await this.#deployment(known, signal));
    // It may have gone meanwhile.
    const agent = this.#agent(key);
    if (!agent) return this.#forget(key);

    const input = this.#gather(agent, live);
    const paused = isPaused(agent);
    const leftAlone = isInOperatorNamespace(agent, input.options);
    const upgrade =
      paused || leftAlone ? this.#wait(key) : upgrades.admit(key, podChange(input), input.live);
    const plan = planAgent({ ...input, ...(upgrade && { upgrade }) });

    const applied = leftAlone ? { applyErrors: [] } : await this.#bring(key, agent, plan, signal);
    // A roll-out that was refused or withheld does not begin.
    if (isHeldBack(applied)) upgrades.release(key);
    this.#states.set(key, {
      plan: factsOf(plan),
      ...applied,
      paused,
      attachment: attachedVersions(input.attachment),
    });
    onReconciled(key);
    return retryOf(applied, refusedRetryMs);
  };

  /** Undefined for one that is on its way out. */
  #agent(key: string): AgentDeployment | undefined {
    const agent = this.#options.caches.agents.getByKey(key);
    return agent?.metadata.deletionTimestamp === undefined ? agent : undefined;
  }

  /** An agent that is not changed holds up no upgrade of another. */
  #wait(key: string): undefined {
    this.#options.upgrades.release(key);
  }

  #bring(
    key: string,
    agent: AgentDeployment,
    plan: AgentPlan,
    signal: AbortSignal,
  ): Applied | Promise<Applied> {
    return isPaused(agent) ? this.#hold(key, agent) : this.#apply(key, agent, plan, signal);
  }

  #forget(key: string): void {
    this.#options.upgrades.release(key);
    this.#states.delete(key);
    this.#revisions.delete(key);
    this.#options.links.forget(key);
    this.#options.fleet?.forget(key);
    this.#options.circuits.forget(key);
    this.#options.providers?.forget(key);
    this.#options.news?.tell(key);
  }

  #gather(
    agent: AgentDeployment,
    live: Deployment | undefined,
  ): PlanInput & { attachment: AgentAttachment } {
    const { caches, attachments, plan: options } = this.#options;
    const { namespace, name } = agent.metadata;
    const policies = caches.pausedPolicies(namespace!);
    return {
      agent,
      attachment: attachments.of(namespace!).agents.get(name)!,
      options,
      ...(policies.length > 0 && { held: { policies, inForce: this.#inForce(agent)?.content } }),
      facts: caches.monitoring.facts,
      scaledObjects: caches.keda.scaledObjects,
      ...(live && { live }),
    };
  }

  /**
   * The agent's Deployment. One that somebody stripped of its labels is not in the cache, and an agent that seems to have
   * none would get the newest image at once, whatever its turn or its choice. So an agent that had one is asked for it.
   */
  async #deployment(agent: AgentDeployment, signal: AbortSignal): Promise<Deployment | undefined> {
    const { client, caches } = this.#options;
    const { namespace, name } = agent.metadata;
    const cached = caches.deployments.get(namespace, name);
    if (cached || agent.status?.image === undefined) return cached;
    const stored = await client.get(caches.deployments.resource, namespace!, name, { signal });
    return stored && isControlledBy(agent, stored) ? stored : undefined;
  }

  /** The configuration under the revision that it is published with. */
  #revise(key: string, agent: AgentDeployment, plan: AgentPlan): Configuration | undefined {
    if (!plan.content || !plan.hash) return undefined;
    const evidence = this.#evidence(key, agent);
    return this.#revisionsOf(key).decide(plan.content, plan.hash, evidence).configuration;
  }

  /** The configuration of a paused agent: the one that its pods have. */
  #keep(key: string, agent: AgentDeployment): Configuration | undefined {
    const inForce = this.#inForce(agent);
    if (!inForce) return undefined;
    return this.#revisionsOf(key).keep(inForce, this.#evidence(key, agent)).configuration;
  }

  /** The configuration that the agent's pods have. */
  #inForce(agent: AgentDeployment): Configuration | undefined {
    const { configuration, configuredAt } = this.#states.get(keyOf(agent)) ?? {};
    // The cache may not show our own last write yet.
    if (configuredAt !== undefined) return configuration;
    return storedConfiguration(this.#configMap(agent));
  }

  /** Changes no object. Pods that connect are held to the configuration that the others have. */
  #hold(key: string, agent: AgentDeployment): Applied {
    const configuration = this.#keep(key, agent);
    if (!configuration) return { applyErrors: [] };
    this.#setDesired(key, configuration);
    const configuredAt = this.#configuredAt(key, configuration);
    return { configuration, configuredAt, applyErrors: [] };
  }

  #revisionsOf(key: string): Revisions {
    let revisions = this.#revisions.get(key);
    if (!revisions) {
      revisions = new Revisions(this.#options.leaseTransitions);
      this.#revisions.set(key, revisions);
    }
    return revisions;
  }

  #evidence(key: string, agent: AgentDeployment): Evidence {
    return evidenceOf({
      agent,
      configMap: this.#configMap(agent),
      applied: this.#states.get(key)?.configuration,
      pods: this.#options.links.podsOf(key),
    });
  }

  #configMap(agent: AgentDeployment): ConfigMap | undefined {
    return this.#options.caches.configMaps.get(agent.metadata.namespace, configMapName(agent));
  }

  #setDesired(key: string, configuration: Configuration): void {
    this.#options.fleet?.configured(key, configuration);
    this.#options.circuits.configure(key, configuration);
    this.#options.providers?.configure(key, configuration);
    this.#options.links.setDesired(key, configuration, this.termOf(key));
  }

  /** ConfigMap first, so that a pod that starts now has what its siblings are about to be sent. */
  async #apply(
    key: string,
    agent: AgentDeployment,
    plan: AgentPlan,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { caches, authorityPem } = this.#options;
    const configuration = this.#revise(key, agent, plan);
    const applied: Applied = { ...(configuration && { configuration }), applyErrors: [] };
    const attempt = async (
      object: KubernetesObject,
      write: () => Promise<unknown>,
      facts: Pick<ApplyError, 'deleting'> = {},
    ): Promise<boolean> => {
      try {
        await write();
        return true;
      } catch (error) {
        const shown = applyErrorOf(object, error);
        if (!shown) throw error;
        applied.applyErrors.push({ ...shown, ...facts });
        return false;
      }
    };
    const apply = (desired: Desired): Promise<boolean> =>
      attempt(desired, async () => {
        const informer = caches.childrenOf(desired.kind);
        const live = informer.get(desired.metadata.namespace, desired.metadata.name);
        const { resource } = informer;
        const { metadata } = await this.#children.apply(agent, resource, desired, live, signal);
        if (desired.kind === 'Deployment') applied.deploymentGeneration = metadata.generation ?? 0;
      });
    if (configuration && (await apply(buildConfigMap(agent, configuration, authorityPem)))) {
      this.#setDesired(key, configuration);
      applied.configuredAt = this.#configuredAt(key, configuration);
    }
    for (const { resource, object } of obsoleteObjects(key, plan, caches)) {
      const remove = (): Promise<boolean> => this.#children.remove(agent, resource, object, signal);
      await attempt(object, remove, { deleting: true });
    }
    for (const desired of plannedObjects(plan)) {
      if (waitsForScaler(agent, desired, plan, caches)) continue;
      const object = desired === plan.deployment ? this.#guarded(agent, plan, applied) : desired;
      if (object) await apply(object);
    }
    return applied;
  }

  /** To be called when what comes before the Deployment was applied. */
  #guarded(agent: AgentDeployment, plan: AgentPlan, applied: Applied): Desired | undefined {
    const { caches } = this.#options;
    const { deployment, serviceAccount, networkPolicy } = plan;
    const standing = ({ kind, metadata }: Desired): Standing => {
      const live = caches.childrenOf(kind).get(metadata.namespace, metadata.name);
      const refused = applied.applyErrors.find(
        (error) => error.kind === kind && !error.deleting,
      )?.reason;
      return standingOf(agent, refused, live);
    };
    const guards: Guards = {
      serviceAccount: standing(serviceAccount),
      networkPolicy: networkPolicy ? standing(networkPolicy) : 'Unwanted',
    };
    const { namespace, name } = deployment!.metadata;
    const live = caches.deployments.get(namespace, name);
    return guardedDeployment(deployment!, guards, live !== undefined);
  }

  #configuredAt(key: string, { hash }: Configuration): number {
    const { configuration, configuredAt } = this.#states.get(key) ?? {};
    return configuration?.hash === hash && configuredAt !== undefined
      ? configuredAt
      : this.#options.now();
  }
}

/** When to try again what the API server refused. */
function retryOf(
  { applyErrors }: Applied,
  refusedRetryMs: number,
): { requeueAfterMs: number } | void {
  if (applyErrors.length === 0) return;
  const webhook = applyErrors.some(({ reason }) => reason === 'InternalError');
  return { requeueAfterMs: webhook ? Math.min(WEBHOOK_RETRY_MS, refusedRetryMs) : refusedRetryMs };
}

/** Whether the Deployment, or one of its guards before it, was refused. */
function isHeldBack({ applyErrors }: Applied): boolean {
  return applyErrors.some(({ kind, deleting }) => !deleting && GUARDS_AND_DEPLOYMENT.has(kind));
}

/** What is kept of a plan: not the objects, which are in the caches as they were applied. */
function factsOf(plan: AgentPlan): AgentState['plan'] {
  const { hash, dependencies, policies, image, endpoint, selector, problems } = plan;
  const { monitored, scaledByLoad, upgradeTo, upgradeStopped, upgradeFailed, waiting } = plan;
  return {
    ...(hash !== undefined && { hash }),
    ...{ dependencies, policies, image, endpoint, selector, problems },
    ...(monitored && { monitored }),
    ...(waiting && { waiting }),
    ...(scaledByLoad && { scaledByLoad }),
    ...(upgradeTo !== undefined && { upgradeTo }),
    ...(upgradeStopped && { upgradeStopped }),
    ...(upgradeFailed && { upgradeFailed }),
  };
}
