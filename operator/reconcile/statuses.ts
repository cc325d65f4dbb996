import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type {
  Policy,
  PolicyAttachment,
  PolicyKind,
  Section,
} from '../desired/policies/attachment.ts';
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
import { mergeBreakers, summarizeBreaker, type BreakerSummary } from '../status/breakerSummary.ts';
import { mergeLimits, summarizeLimits, type LimitSummary } from '../status/limits.ts';
import {
  summarizedBreakerStatus,
  summarizedLimitStatus,
  type SummarizedPolicy,
} from '../status/policy.ts';
import { namesOf } from './agentOf.ts';
import type { AgentReconciler } from './agents.ts';
import type { AgentNews } from './agentNews.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import type { CircuitLeader } from './circuitLeader.ts';
import type { Fleet } from './fleet.ts';
import { NumbersBudget } from './numbersBudget.ts';
import { PolicyTargets, type Look, type TargetSource } from './policyTargets.ts';
import { graceAfter, graceLeft, isTerminating, observe } from './observe.ts';
import type { OwnWrites } from './ownWrites.ts';
import { versionsText } from './attachedVersions.ts';
import { scalersOf } from './scalers.ts';
import { StatusWriter, type StatusClient, type StatusObject } from './statusWriter.ts';

export interface StatusReconcilerOptions {
  client: StatusClient;
  caches: Caches;
  attachments: Attachments;
  news: Pick<AgentNews, 'onNews'>;
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

/** How the status of policies of one kind comes about. */
interface PolicyStatuses<P extends Policy & StatusObject<S>, S, Seen> {
  resource: Resource<P, 'status/update'>;
  writer: StatusWriter<S, P>;
  /** By key. */
  targets: Map<string, PolicyTargets<Seen>>;
  /** What pods of agents say of the policy. */
  summarize: (
    policy: P,
    won: readonly Section[],
    agents: ReadonlyMap<string, AgentObservation>,
  ) => Seen;
  merge: (parts: readonly Seen[]) => Seen;
}

/** Writes what is seen of agents and policies into their status, and Events about what changed. */
export class StatusReconciler {
  readonly #options: StatusReconcilerOptions;
  readonly #agents: StatusWriter<AgentDeploymentStatus, AgentDeployment>;
  readonly #breakers: PolicyStatuses<
    CircuitBreakerPolicy,
    CircuitBreakerPolicyStatus,
    BreakerSummary
  >;
  readonly #limits: PolicyStatuses<RateLimitPolicy, RateLimitPolicyStatus, LimitSummary>;

  constructor(options: StatusReconcilerOptions) {
    const { client, ownWrites } = options;
    const budget = new NumbersBudget();
    this.#options = options;
    this.#agents = new StatusWriter(client, AgentDeployments, budget, statusChange, ownWrites);
    this.#breakers = {
      resource: CircuitBreakerPolicies,
      writer: new StatusWriter(client, CircuitBreakerPolicies, budget, statusChange, ownWrites),
      targets: new Map(),
      summarize: summarizeBreaker,
      merge: mergeBreakers,
    };
    this.#limits = {
      resource: RateLimitPolicies,
      writer: new StatusWriter(
        ...([client, RateLimitPolicies, budget, statusChange, ownWrites] as const),
        // What was rejected is final while the bucket still fills.
        (status) => [status.limits?.map(({ rejected }) => rejected), status],
      ),
      targets: new Map(),
      summarize: summarizeLimits,
      merge: mergeLimits,
    };
    this.close = options.news.onNews((key) => this.#hear(key));
  }

  /** Stops following the news. */
  readonly close: () => void;

  #hear(key: string): void {
    const { namespace, name } = namesOf(key);
    const joined = this.#options.attachments.of(namespace);
    for (const { resource, targets } of [this.#breakers, this.#limits]) {
      for (const policy of joined.policiesOf(resource.kind as PolicyKind, name)) {
        targets.get(`${namespace}/${policy}`)?.changed(name);
      }
    }
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
    const early = this.#early(key);
    if (early > 0) return { requeueAfterMs: early };
    const agent = this.#agents.newest(cached);
    const observation = this.#observe(key, true);
    const { plan } = state;
    const now = new Date(this.#options.clock.now());
    const next = agentStatus({ agent, plan, observation, previous: agent.status, now });
    const grace = this.#graceLeft(key);
    return this.#write(this.#agents, AgentDeployments, agent, grace, signal, {
      next,
      events: (previous) => agentEvents({ agent, plan, observation, now }, previous, next),
    });
  };

  breaker: Reconcile = async (key, signal) => {
    const rest = this.#restOf(this.#breakers, key);
    if (rest > 0) return { requeueAfterMs: rest };
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.breaker(namespace, name);
    return this.#policy(key, attachment, this.#breakers, signal, (input) => {
      const next = summarizedBreakerStatus(input);
      return { next, events: (previous) => breakerPolicyEvents(previous, next) };
    });
  };

  limit: Reconcile = async (key, signal) => {
    const rest = this.#restOf(this.#limits, key);
    if (rest > 0) return { requeueAfterMs: rest };
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.limit(namespace, name);
    let fills = false;
    const again = await this.#policy(key, attachment, this.#limits, signal, (input) => {
      const next = summarizedLimitStatus(input);
      fills =
        next.fleet !== undefined && next.limits!.some(({ usedPercent = 0 }) => usedPercent > 0);
      return { next, events: (previous) => rateLimitPolicyEvents(previous, next) };
    });
    return fills
      ? { requeueAfterMs: Math.min(again?.requeueAfterMs ?? Infinity, FILLS_MS) }
      : again;
  };

  /** How long yet a policy that is for many agents is left alone after the last look. */
  #restOf(
    { targets }: { targets: ReadonlyMap<string, Pick<PolicyTargets<unknown>, 'restMs'>> },
    key: string,
  ): number {
    return targets.get(key)?.restMs(this.#options.clock.monotonic()) ?? 0;
  }

  async #policy<P extends Policy & StatusObject<S>, S, Seen>(
    key: string,
    attachment: PolicyAttachment<P> | undefined,
    kind: PolicyStatuses<P, S, Seen>,
    signal: AbortSignal,
    draft: (input: SummarizedPolicy<P> & { seen: Seen }) => Draft<S>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    const { writer, resource } = kind;
    if (!attachment || attachment.policy.metadata.deletionTimestamp) {
      writer.forget(resource.kind, key);
      kind.targets.delete(key);
      return;
    }
    const targets = kind.targets.get(key) ?? new PolicyTargets(kind.merge);
    kind.targets.set(key, targets);
    const source = this.#source(namesOf(key).namespace, attachment.policy, kind);
    const { inForce, pending, earlyMs, graceMs, seen } = targets.update(
      attachment,
      source,
      this.#options.clock.monotonic(),
    );
    if (!inForce || pending) return;
    if (earlyMs > 0) return { requeueAfterMs: earlyMs };
    const policy = writer.newest(attachment.policy);
    const now = new Date(this.#options.clock.now());
    const joined = { attachment: { ...attachment, policy }, previous: policy.status, now };
    const due = draft({ ...joined, seen: seen() });
    return this.#write(writer, resource, policy, graceMs, signal, due);
  }

  #source<P extends Policy & StatusObject<S>, S, Seen>(
    namespace: string,
    policy: P,
    { summarize }: PolicyStatuses<P, S, Seen>,
  ): TargetSource<Seen> {
    const { kind, metadata } = policy;
    const joined = this.#options.attachments.of(namespace);
    return {
      shareOf: (agent) => joined.shareOf(kind, metadata.name, agent),
      look: (agent, { won }) => {
        const look = this.#look(namespace, agent, metadata.uid!);
        if (!look.inForce || look.pending) return look;
        const observation = this.#observe(`${namespace}/${agent}`, false);
        const seen = summarize(policy, won, new Map([[agent, observation]]));
        const { fleet, fleetCircuits } = observation;
        // These change with time, or without a word.
        const passes = look.passes || fleet !== undefined || fleetCircuits !== undefined;
        return { ...look, passes, seen };
      },
    };
  }

  /** Whether a policy, by its UID, can be told of on the agent. */
  #look(namespace: string, agent: string, uid: string): Look<never> {
    const key = `${namespace}/${agent}`;
    const state = this.#options.agents.stateOf(key);
    const current = this.#options.attachments.of(namespace).agents.get(agent)!;
    const inForce =
      state !== undefined && versionsText(state.attachment, uid) === versionsText(current, uid);
    const [earlyMs, graceMs] = [this.#early(key), this.#graceLeft(key)];
    const pending = this.#pending(key);
    return { inForce, pending, earlyMs, graceMs, passes: earlyMs > 0 || graceMs > 0 };
  }

  /** @param graceMs as of before the write: a grace that ends during it would leave its pod shown as connected */
  async #write<S, T extends StatusObject<S>>(
    writer: StatusWriter<S, T>,
    resource: Resource<T, 'status/update'>,
    object: T,
    graceMs: number,
    signal: AbortSignal,
    { next, events }: Draft<S>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    const { clock } = this.#options;
    const result = await writer.write(object, next, clock.monotonic(), signal);
    if (result.written) {
      this.#options.onWritten?.(resource.kind, keyOf(object));
      this.#record(resource, object, events(object.status));
    }
    const again = [result.retryAfterMs ?? 0, graceMs].filter((ms) => ms > 0);
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

  /** Milliseconds for which it is too early to say anything of the agent; 0 when it is not. */
  #early(key: string): number {
    return Math.max(this.#confirming(key), this.#greeting(key));
  }

  /** How long yet a pod of the agent that has just connected is given to send its snapshot. */
  #greeting(key: string): number {
    const now = new Date(this.#options.clock.now());
    const left = this.#options.links
      .podsOf(key)
      .filter(({ connected, snapshot }) => connected && snapshot === undefined)
      .map(({ since }) => graceAfter(since, now));
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

  #graceLeft(key: string): number {
    const now = new Date(this.#options.clock.now());
    const left = this.#options.links
      .podsOf(key)
      .map((report) => graceLeft(report, now))
      .filter((ms) => ms > 0);
    return left.length > 0 ? Math.min(...left) : 0;
  }
}
