import type { Configuration } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { parseRevision } from '../../contract/revision.ts';
import { parseConfiguration } from '../../contract/validate.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { AgentAttachment } from '../desired/attachment.ts';
import { configMap, configMapName } from '../desired/configMap.ts';
import type { Desired } from '../desired/objects.ts';
import { planAgent, type AgentPlan, type PlanOptions } from '../desired/plan.ts';
import {
  splitKey,
  type ConfigMap,
  type Own,
  type Reconcile,
  type Resource,
} from '../kube/index.ts';
import type { PodLinks } from '../links/index.ts';
import type { PlanFacts } from '../status/agent.ts';
import type { ApplyError } from '../status/observations.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import { applyErrorOf, ChildWriter, type ChildClient } from './children.ts';
import type { OwnWrites } from './ownWrites.ts';
import { Revisions, type Decision, type Evidence } from './revisions.ts';
import { heldSlots, type HeldSlots } from './slots.ts';
import { optionsFor, type Upgrades } from './upgrades.ts';
import { unwantedObjects, wantedObjects } from './wanted.ts';

/** What the last reconcile of an agent came to; what status is worked out from. */
export interface AgentState {
  plan: PlanFacts & Pick<AgentPlan, 'hash'>;
  /** Absent while no configuration could be made of the spec. */
  configuration?: Configuration;
  /** When pods were told of this configuration first, in monotonic milliseconds. */
  configuredAt?: number;
  applyErrors: ApplyError[];
  /** Generation of the Deployment after it was applied: what its informer has may be older. */
  deploymentGeneration?: number;
  /** The versions of the agent and its policies that this came from. */
  attachment: HeldSlots;
}

export interface AgentReconcilerOptions {
  client: ChildClient;
  caches: Caches;
  attachments: Attachments;
  links: PodLinks;
  plan: PlanOptions;
  upgrades: Upgrades;
  authorityPem: string;
  /** Where writes are noted, for those who hear of them. */
  ownWrites?: OwnWrites;
  /** Of the Lease under which this process leads. */
  leaseTransitions: number;
  /** Called after each reconcile: there may be something new to say about the agent. */
  onReconciled: (key: string) => void;
  /** Monotonic milliseconds. */
  now: () => number;
  /** How long to wait before trying again what the API server refused. */
  refusedRetryMs?: number;
}

const REFUSED_RETRY_MS = 60_000;

/** Brings each agent's objects and pods in line with its spec and its policies, for one term of office. */
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
    const { upgrades } = this.#options;
    const { namespace, name } = splitKey(key) as { namespace: string; name: string };
    const agent = this.#options.caches.agents.get(namespace, name);
    if (!agent || agent.metadata.deletionTimestamp) return this.#forget(key);
    const attachment = this.#options.attachments.of(namespace).agents.get(name)!;
    const plan = this.#plan(key, agent, attachment);
    const state: AgentState = {
      plan: factsOf(plan),
      applyErrors: [],
      attachment: heldSlots(attachment),
    };
    const decision = this.#decide(key, agent, plan);
    if (decision) state.configuration = decision.configuration;
    await this.#execute(key, agent, plan, state, signal);
    // A roll-out that the API server refused does not begin.
    if (state.applyErrors.some(({ kind }) => kind === 'Deployment')) upgrades.release(key);
    this.#states.set(key, state);
    this.#options.onReconciled(key);
    return state.applyErrors.length > 0
      ? { requeueAfterMs: this.#options.refusedRetryMs ?? REFUSED_RETRY_MS }
      : undefined;
  };

  #plan(key: string, agent: AgentDeployment, attachment: AgentAttachment): AgentPlan {
    const { caches, upgrades } = this.#options;
    const { facts } = caches.monitoring;
    const live = caches.deployments.get(agent.metadata.namespace, agent.metadata.name);
    const options = optionsFor(agent, this.#options.plan, live);
    return upgrades.schedule(key, agent, planAgent({ agent, attachment, options, facts }), live);
  }

  #forget(key: string): void {
    this.#options.upgrades.release(key);
    this.#states.delete(key);
    this.#revisions.delete(key);
    this.#options.links.forget(key);
  }

  #decide(key: string, agent: AgentDeployment, plan: AgentPlan): Decision | undefined {
    if (!plan.content || !plan.hash) return undefined;
    let revisions = this.#revisions.get(key);
    if (!revisions) {
      revisions = new Revisions(this.#options.leaseTransitions);
      this.#revisions.set(key, revisions);
    }
    return revisions.decide(plan.content, plan.hash, this.#evidence(key, agent));
  }

  #evidence(key: string, agent: AgentDeployment): Evidence {
    const { caches, links } = this.#options;
    const stored = storedConfiguration(
      caches.configMaps.get(agent.metadata.namespace, configMapName(agent)),
      this.#states.get(key)?.configuration,
    );
    const reported = parseRevision(agent.status?.configuration?.revision ?? '');
    return {
      ...(stored && { stored }),
      ...(reported && { reported }),
      pods: links.podsOf(key).map(({ revision, highestTerm }) => ({
        ...(revision && { revision }),
        highestTerm: highestTerm ?? 0,
      })),
    };
  }

  /** ConfigMap first, so that a pod that starts now has what its siblings are about to be sent. */
  async #execute(
    key: string,
    agent: AgentDeployment,
    plan: AgentPlan,
    state: AgentState,
    signal: AbortSignal,
  ): Promise<void> {
    const { caches, links, authorityPem } = this.#options;
    const { configuration } = state;
    const attempt = async (
      object: KubernetesObject,
      write: () => Promise<unknown>,
    ): Promise<boolean> => {
      try {
        await write();
        return true;
      } catch (error) {
        const shown = applyErrorOf(object, error);
        if (!shown) throw error;
        state.applyErrors.push(shown);
        return false;
      }
    };
    const apply = (desired: Desired): Promise<boolean> => {
      const { resource, live } = this.#standing(desired);
      return attempt(desired, async () => {
        const { metadata } = await this.#children.apply(agent, resource, desired, live, signal);
        if (desired.kind === 'Deployment') state.deploymentGeneration = metadata.generation ?? 0;
      });
    };
    if (configuration) {
      const stored = await apply(configMap(agent, configuration, authorityPem));
      if (stored) {
        links.setDesired(key, configuration, this.termOf(key));
        state.configuredAt = this.#configuredAt(key, configuration);
      }
    }
    for (const { resource, object } of unwantedObjects(key, plan, caches)) {
      await attempt(object, () => this.#children.remove(agent, resource, object, signal));
    }
    for (const desired of wantedObjects(plan)) await apply(desired);
  }

  #configuredAt(key: string, { hash }: Configuration): number {
    const { configuration, configuredAt } = this.#states.get(key) ?? {};
    return configuration?.hash === hash && configuredAt !== undefined
      ? configuredAt
      : this.#options.now();
  }

  #standing({ kind, metadata }: Desired): {
    resource: Resource<KubernetesObject, Own>;
    live: KubernetesObject | undefined;
  } {
    const informer = this.#options.caches.childrenOf(kind);
    return {
      resource: informer.resource,
      live: informer.get(metadata.namespace, metadata.name),
    };
  }
}

/** What is kept of a plan: not the objects, which are in the caches as they were applied. */
function factsOf({
  hash,
  dependencies,
  policies,
  image,
  endpoint,
  selector,
  problems,
  monitored,
  upgradeTo,
}: AgentPlan): AgentState['plan'] {
  return {
    ...(hash !== undefined && { hash }),
    ...{ dependencies, policies, image, endpoint, selector, problems },
    ...(monitored && { monitored }),
    ...(upgradeTo !== undefined && { upgradeTo }),
  };
}

/**
 * The configuration in an agent's ConfigMap; undefined when there is none that can be read.
 * @param applied the one that was applied last, which it is as a rule: to compare it takes less than to parse it
 */
function storedConfiguration(
  object: ConfigMap | undefined,
  applied: Configuration | undefined,
): Configuration | undefined {
  const text = object?.data?.[MOUNTS.configurationKey];
  if (text === undefined) return undefined;
  if (applied && JSON.stringify(applied) === text) return applied;
  try {
    const parsed = parseConfiguration(JSON.parse(text));
    return parsed.ok ? parsed.value : undefined;
  } catch {
    return undefined;
  }
}
