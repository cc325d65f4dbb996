import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import {
  keyOf,
  type EventRecorder,
  type KubernetesObject,
  type Pod,
  type Reconcile,
  type Resource,
} from '../kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  RateLimitPolicies,
} from '../resources/resources.ts';
import type { PodLinks } from '../links/index.ts';
import { agentStatus } from '../status/agent.ts';
import { statusChange } from '../status/change.ts';
import {
  agentEvents,
  breakerPolicyEvents,
  rateLimitPolicyEvents,
  type EventDraft,
} from '../status/events.ts';
import type { AgentObservation } from '../status/observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../status/policy.ts';
import { namesOf } from './agentOf.ts';
import type { AgentReconciler } from './agents.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import type { CircuitLeader } from './circuitLeader.ts';
import type { Fleet } from './fleet.ts';
import { NumbersBudget } from './numbersBudget.ts';
import { graceLeft, isTerminating, observe, RECONNECT_GRACE_MS } from './observe.ts';
import type { OwnWrites } from './ownWrites.ts';
import { versionsText } from './attachedVersions.ts';
import { scalersOf } from './scalers.ts';
import { StatusWriter, type StatusClient, type StatusObject } from './statusWriter.ts';

export interface StatusReconcilerOptions {
  client: StatusClient;
  caches: Caches;
  attachments: Attachments;
  links: PodLinks;
  circuits: Pick<CircuitLeader, 'of'>;
  agents: AgentReconciler;
  fleet?: Pick<Fleet, 'figuresOf'>;
  events: Pick<EventRecorder, 'record'>;
  /** Wall clock and monotonic clock, in milliseconds. */
  clock: { now(): number; monotonic(): number };
  /** Where writes are noted, for those who hear of them. */
  ownWrites?: OwnWrites;
  /** Called after each write. */
  onWritten?: (kind: string, key: string) => void;
}

/** Pods have so long to confirm a new configuration before status tells that they have not. */
const CONFIRM_MS = 200;

/** No pod reports that the leader's bucket of a limit of the fleet fills, so that it is looked at so often. */
const FILLS_MS = 5_000;

/** A status that is due: what it is, and what to tell about the change. */
interface Draft<S> {
  next: S;
  events: (previous: S | undefined) => EventDraft[];
}

/** Writes what is seen of agents and policies into their status, and Events about what changed. */
export class StatusReconciler {
  readonly #options: StatusReconcilerOptions;
  readonly #agents: StatusWriter<AgentDeploymentStatus, AgentDeployment>;
  readonly #breakers: StatusWriter<CircuitBreakerPolicyStatus, CircuitBreakerPolicy>;
  readonly #limits: StatusWriter<RateLimitPolicyStatus, RateLimitPolicy>;

  constructor(options: StatusReconcilerOptions) {
    const { client, ownWrites } = options;
    const budget = new NumbersBudget();
    this.#options = options;
    this.#agents = new StatusWriter(client, AgentDeployments, budget, statusChange, ownWrites);
    this.#breakers = new StatusWriter(
      client,
      CircuitBreakerPolicies,
      budget,
      statusChange,
      ownWrites,
    );
    this.#limits = new StatusWriter(
      ...([client, RateLimitPolicies, budget, statusChange, ownWrites] as const),
      // What was rejected is final while the bucket still fills.
      (status) => [status.limits?.map(({ rejected }) => rejected), status],
    );
  }

  agent: Reconcile = async (key, signal) => {
    const { caches, attachments, agents } = this.#options;
    const { namespace, name } = namesOf(key);
    const cached = caches.agents.get(namespace, name);
    if (!cached || cached.metadata.deletionTimestamp) {
      this.#agents.forget('AgentDeployment', key);
      return;
    }
    const state = agents.stateOf(key);
    const current = attachments.of(namespace).agents.get(name);
    // Otherwise the agent is about to be reconciled, and that asks for its status again.
    if (!state || !current || versionsText(state.attachment) !== versionsText(current)) return;
    if (this.#pending(key)) return;
    const early = this.#early([key]);
    if (early > 0) return { requeueAfterMs: early };
    const agent = this.#agents.newest(cached);
    const observation = this.#observe(key, true);
    const { plan } = state;
    const now = new Date(this.#options.clock.now());
    const next = agentStatus({ agent, plan, observation, previous: agent.status, now });
    return this.#write(this.#agents, AgentDeployments, agent, [key], signal, {
      next,
      events: (previous) => agentEvents({ agent, plan, observation, now }, previous, next),
    });
  };

  breaker: Reconcile = (key, signal) => {
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.breaker(namespace, name);
    return this.#policy(
      key,
      attachment,
      this.#breakers,
      CircuitBreakerPolicies,
      signal,
      (input) => {
        const next = breakerPolicyStatus(input);
        return { next, events: (previous) => breakerPolicyEvents(previous, next) };
      },
    );
  };

  limit: Reconcile = async (key, signal) => {
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.limit(namespace, name);
    const limits = this.#limits;
    let fills = false;
    const again = await this.#policy(
      key,
      attachment,
      limits,
      RateLimitPolicies,
      signal,
      (input) => {
        const next = rateLimitPolicyStatus(input);
        fills =
          next.fleet !== undefined && next.limits!.some(({ usedPercent = 0 }) => usedPercent > 0);
        return { next, events: (previous) => rateLimitPolicyEvents(previous, next) };
      },
    );
    return fills
      ? { requeueAfterMs: Math.min(again?.requeueAfterMs ?? Infinity, FILLS_MS) }
      : again;
  };

  async #policy<P extends Policy & StatusObject<S>, S>(
    key: string,
    attachment: PolicyAttachment<P> | undefined,
    writer: StatusWriter<S, P>,
    resource: Resource<P, 'status/update'>,
    signal: AbortSignal,
    draft: (input: {
      attachment: PolicyAttachment<P>;
      agents: Map<string, AgentObservation>;
      previous: P['status'];
      now: Date;
    }) => Draft<S>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    if (!attachment || attachment.policy.metadata.deletionTimestamp) {
      writer.forget(resource.kind, key);
      return;
    }
    const { namespace } = namesOf(key);
    const keys = attachment.targets.map((agent) => `${namespace}/${agent}`);
    if (!this.#inForce(namespace, attachment)) return;
    if (keys.some((each) => this.#pending(each))) return;
    const early = this.#early(keys);
    if (early > 0) return { requeueAfterMs: early };
    const policy = writer.newest(attachment.policy);
    const agents = new Map(
      attachment.targets.map((agent) => [agent, this.#observe(`${namespace}/${agent}`, false)]),
    );
    const now = new Date(this.#options.clock.now());
    const due = draft({
      attachment: { ...attachment, policy },
      agents,
      previous: policy.status,
      now,
    });
    return this.#write(writer, resource, policy, keys, signal, due);
  }

  async #write<S, T extends StatusObject<S>>(
    writer: StatusWriter<S, T>,
    resource: Resource<T, 'status/update'>,
    object: T,
    agents: string[],
    signal: AbortSignal,
    { next, events }: Draft<S>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    const { clock } = this.#options;
    // Asked before the write: a grace that ends during it would leave its pod shown as connected.
    const grace = this.#graceLeft(agents);
    const result = await writer.write(object, next, clock.monotonic(), signal);
    if (result.written) {
      this.#options.onWritten?.(resource.kind, keyOf(object));
      this.#record(resource, object, events(object.status));
    }
    const again = [result.retryAfterMs ?? 0, grace].filter((ms) => ms > 0);
    return again.length > 0 ? { requeueAfterMs: Math.min(...again) } : undefined;
  }

  #record(
    { kind }: Resource<KubernetesObject>,
    object: KubernetesObject,
    drafts: EventDraft[],
  ): void {
    const { apiVersion, metadata } = object;
    const { name, namespace, uid, resourceVersion } = metadata;
    const regarding = { apiVersion, kind, name, namespace, uid, resourceVersion };
    for (const draft of drafts) this.#options.events.record({ regarding, ...draft });
  }

  /** Whether each agent runs, or is about to be told, the policy as it is now; else a reconcile of it is under way. */
  #inForce(namespace: string, { policy, targets }: PolicyAttachment<Policy>): boolean {
    const current = this.#options.attachments.of(namespace).agents;
    return targets.every((name) => {
      const state = this.#options.agents.stateOf(`${namespace}/${name}`);
      const { uid } = policy.metadata;
      return state && versionsText(state.attachment, uid) === versionsText(current.get(name)!, uid);
    });
  }

  /** @param whole whether the Deployment and what scales it are looked at too, of which policies tell nothing */
  #observe(key: string, whole: boolean): AgentObservation {
    const { caches, links, circuits, agents, clock } = this.#options;
    const { namespace, name } = namesOf(key);
    return observe({
      fleetCircuits: circuits.of(key),
      state: agents.stateOf(key),
      deployment: whole ? caches.deployments.get(namespace, name) : undefined,
      ...(whole ? scalersOf(caches, key) : { autoscaler: undefined }),
      pods: this.#pods(key),
      fleet: this.#options.fleet?.figuresOf(key),
      report: (uid) => links.podReport(uid),
      now: new Date(clock.now()),
    });
  }

  #pods(key: string): Pod[] {
    return this.#options.caches.replicas.of(key);
  }

  /**
   * Whether a first attempt to reach a pod has not ended under this leader, which knows nothing of the pod until then:
   * status stays as it is. The end of the attempt asks for the status again.
   */
  #pending(key: string): boolean {
    const { links } = this.#options;
    return this.#pods(key)
      .filter((pod) => pod.status?.podIP && !isTerminating(pod))
      .some((pod) => links.podReport(pod.metadata.uid!)?.pending ?? false);
  }

  /** Milliseconds for which it is too early to say anything of agents; 0 when it is not. */
  #early(keys: string[]): number {
    return Math.max(0, ...keys.flatMap((key) => [this.#confirming(key), this.#greeting(key)]));
  }

  /** How long yet a pod of the agent that has just connected is given to send its snapshot. */
  #greeting(key: string): number {
    const now = this.#options.clock.now();
    const left = this.#options.links
      .podsOf(key)
      .filter(({ connected, snapshot }) => connected && snapshot === undefined)
      .map(({ since }) => Date.parse(since) + RECONNECT_GRACE_MS - now);
    return Math.max(0, ...left);
  }

  /** How long yet the agent's pods are given to confirm the configuration that they were just sent. */
  #confirming(key: string): number {
    const { agents, links, clock } = this.#options;
    const { configuration, configuredAt = -Infinity } = agents.stateOf(key) ?? {};
    const left = configuredAt + CONFIRM_MS - clock.monotonic();
    if (!configuration || left <= 0) return 0;
    const { hash } = configuration;
    return links.podsOf(key).some((pod) => pod.connected && pod.hash !== hash) ? left : 0;
  }

  #graceLeft(keys: string[]): number {
    const now = new Date(this.#options.clock.now());
    const left = keys
      .flatMap((key) => this.#options.links.podsOf(key))
      .map((report) => graceLeft(report, now))
      .filter((ms) => ms > 0);
    return left.length > 0 ? Math.min(...left) : 0;
  }
}
