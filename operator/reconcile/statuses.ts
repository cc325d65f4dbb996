import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import { statusManager } from '../desired/common/metadata.ts';
import type {
  Policy,
  PolicyAttachment,
  PolicyKind,
  Section,
} from '../desired/policies/attachment.ts';
import {
  keyOf,
  type EventRecorder,
  type KubeClient,
  type KubernetesObject,
  type Reconcile,
  type Resource,
} from '../kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  RateLimitPolicies,
} from '../resources/resources.ts';
import type { Links } from '../links/index.ts';
import { agentStatus } from '../status/agent.ts';
import {
  agentEvents,
  breakerPolicyEvents,
  rateLimitPolicyEvents,
  type EventDraft,
} from '../status/events.ts';
import type { AgentObservation, Contest } from '../status/observations.ts';
import { mergeBreakers, summarizeBreaker, type BreakerSummary } from '../status/breakerSummary.ts';
import { mergeLimits, summarizeLimits, type LimitSummary } from '../status/limits.ts';
import { breakerStatus, limitStatus, type PolicyStatusInput } from '../status/policy.ts';
import { namesOf } from './agentKeys.ts';
import type { AgentReconciler } from './agents.ts';
import type { AgentNotifier } from './agentNotifier.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import { FigureRefreshes } from './figureRefreshes.ts';
import type { Fleet } from './fleet.ts';
import { Freshness, UNTIL_NOTIFIED, type Readiness } from './freshness.ts';
import { PolicyTargets, type TargetSource } from './policyTargets.ts';
import { observe } from './observe.ts';
import type { OwnWrites } from './ownWrites.ts';
import { versionsText } from './attachedVersions.ts';
import { Repairs } from './repairs.ts';
import { scalersOf } from './scalers.ts';
import { StatusWriter, type StatusObject } from './statusWriter.ts';

export interface StatusReconcilerOptions {
  client: Pick<KubeClient, 'replaceStatus'>;
  /** Namespace and name of the Lease. */
  installation: string;
  caches: Caches;
  attachments: Attachments;
  notifier: Pick<AgentNotifier, 'subscribe'>;
  links: Links;
  agents: AgentReconciler;
  fleet: Pick<Fleet, 'of'>;
  events: Pick<EventRecorder, 'record'>;
  /** Wall clock and monotonic clock, in milliseconds. */
  clock: { now(): number; monotonic(): number };
  /** Filters the watch events of our own writes. */
  ownWrites?: OwnWrites;
  /** Called after each write. */
  onWritten?: (kind: string, key: string) => void;
}

/** A status to write, and the Events for its change. */
interface Draft<S> {
  next: S;
  events: (previous: S | undefined) => EventDraft[];
}

/** How the status of the policies of one kind is made. */
interface PolicyStatuses<P extends Policy & StatusObject<S>, S extends object, Summary> {
  resource: Resource<P, 'status/update'>;
  writer: StatusWriter<S, P>;
  /** By key of the policy. */
  targets: Map<string, PolicyTargets<Summary>>;
  /** Summarises the reports of the agents' pods on the policy. */
  summarize: (
    policy: P,
    won: readonly Section[],
    agents: ReadonlyMap<string, AgentObservation>,
  ) => Summary;
  merge: (parts: readonly Summary[]) => Summary;
  attachmentOf: (namespace: string, name: string) => PolicyAttachment<P> | undefined;
  statusOf: (input: PolicyStatusInput<P> & { seen: Summary }) => S;
  eventsOf: (previous: S | undefined, next: S) => EventDraft[];
}

/** Writes the status of agents and policies, and Events for its changes. */
export class StatusReconciler {
  readonly #options: StatusReconcilerOptions;
  readonly #freshness: Freshness;
  readonly #agents: StatusWriter<AgentDeploymentStatus, AgentDeployment>;
  readonly #breakers: PolicyStatuses<
    CircuitBreakerPolicy,
    CircuitBreakerPolicyStatus,
    BreakerSummary
  >;
  readonly #limits: PolicyStatuses<RateLimitPolicy, RateLimitPolicyStatus, LimitSummary>;

  constructor(options: StatusReconcilerOptions) {
    const { client, ownWrites, installation, clock } = options;
    const shared = {
      ...{ client, ownWrites },
      refreshes: new FigureRefreshes(),
      repairs: new Repairs(() => clock.monotonic()),
      fieldManager: statusManager(installation),
    };
    this.#options = options;
    this.#freshness = new Freshness({ ...options, replicas: options.caches.replicas });
    this.#agents = new StatusWriter<AgentDeploymentStatus, AgentDeployment>({
      ...shared,
      resource: AgentDeployments,
    });
    this.#breakers = {
      resource: CircuitBreakerPolicies,
      writer: new StatusWriter<CircuitBreakerPolicyStatus, CircuitBreakerPolicy>({
        ...shared,
        resource: CircuitBreakerPolicies,
      }),
      targets: new Map(),
      summarize: summarizeBreaker,
      merge: mergeBreakers,
      attachmentOf: (namespace, name) => options.attachments.breaker(namespace, name),
      statusOf: breakerStatus,
      eventsOf: breakerPolicyEvents,
    };
    this.#limits = {
      resource: RateLimitPolicies,
      writer: new StatusWriter<RateLimitPolicyStatus, RateLimitPolicy>({
        ...shared,
        resource: RateLimitPolicies,
      }),
      targets: new Map(),
      summarize: summarizeLimits,
      merge: mergeLimits,
      attachmentOf: (namespace, name) => options.attachments.limit(namespace, name),
      statusOf: limitStatus,
      eventsOf: rateLimitPolicyEvents,
    };
    this.close = options.notifier.subscribe((key) => this.#agentChanged(key));
  }

  /** Ends the subscription to changes of agents. */
  readonly close: () => void;

  #agentChanged(key: string): void {
    const { namespace, name } = namesOf(key);
    const attachments = this.#options.attachments.of(namespace);
    for (const { resource, targets } of [this.#breakers, this.#limits]) {
      for (const policy of attachments.policiesOf(resource.kind as PolicyKind, name)) {
        targets.get(`${namespace}/${policy}`)?.changed(name);
      }
    }
  }

  agent: Reconcile = async (key, signal) => {
    const { caches, attachments, agents } = this.#options;
    const { namespace, name } = namesOf(key);
    const cached = caches.agents.get(namespace, name);
    if (!cached || cached.metadata.deletionTimestamp) {
      this.#agents.forget(key);
      return;
    }
    const state = agents.stateOf(key);
    const current = attachments.of(namespace).agents.get(name);
    // Otherwise a reconcile of the agent is due. It enqueues the status again.
    if (!state || !current || versionsText(state.attachment) !== versionsText(current)) return;
    const { ready, forMs } = this.#freshness.readiness(key);
    if (!ready) return lookAgain(forMs);
    const agent = this.#agents.newest(cached);
    const observation = withContest(this.#observe(key, true), this.#agents.contestOf(agent));
    const { plan } = state;
    const now = new Date(this.#options.clock.now());
    const next = agentStatus({ agent, plan, observation, previous: agent.status, now });
    return this.#write(this.#agents, AgentDeployments, agent, forMs, signal, {
      next,
      events: (previous) => agentEvents({ agent, plan, observation, now }, previous, next),
    });
  };

  breaker: Reconcile = (key, signal) => this.#policy(key, this.#breakers, signal);

  limit: Reconcile = (key, signal) => this.#policy(key, this.#limits, signal);

  async #policy<P extends Policy & StatusObject<S>, S extends object, Summary>(
    key: string,
    kind: PolicyStatuses<P, S, Summary>,
    signal: AbortSignal,
  ): Promise<{ requeueAfterMs: number } | void> {
    const { writer, resource } = kind;
    const nowMs = this.#options.clock.monotonic();
    const pauseMs = kind.targets.get(key)?.pauseMs(nowMs) ?? 0;
    if (pauseMs > 0) return lookAgain(pauseMs);
    const { namespace, name } = namesOf(key);
    const attachment = kind.attachmentOf(namespace, name);
    if (!attachment || attachment.policy.metadata.deletionTimestamp) {
      writer.forget(key);
      kind.targets.delete(key);
      return;
    }
    const targets = kind.targets.get(key) ?? new PolicyTargets(kind.merge);
    kind.targets.set(key, targets);
    const source = this.#source(namespace, attachment.policy, kind);
    const { readiness, summary } = targets.update(attachment, source, nowMs);
    const { ready, forMs } = readiness;
    if (!ready) return lookAgain(forMs);
    const policy = writer.newest(attachment.policy);
    const now = new Date(this.#options.clock.now());
    const contest = writer.contestOf(policy);
    const next = kind.statusOf({
      ...{ attachment: { ...attachment, policy }, previous: policy.status, now },
      ...(contest && { contest }),
      seen: summary(),
    });
    return this.#write(writer, resource, policy, forMs, signal, {
      next,
      events: (previous) => kind.eventsOf(previous, next),
    });
  }

  #source<P extends Policy & StatusObject<S>, S extends object, Summary>(
    namespace: string,
    policy: P,
    { summarize }: PolicyStatuses<P, S, Summary>,
  ): TargetSource<Summary> {
    const { kind, metadata } = policy;
    const attachments = this.#options.attachments.of(namespace);
    return {
      shareOf: (agent) => attachments.shareOf(kind, metadata.name, agent),
      stateOf: (agent, { won }) => {
        const readiness = this.#targetReadiness(namespace, agent, metadata.uid!);
        if (!readiness.ready) return { readiness, recheck: false };
        const observation = this.#observe(`${namespace}/${agent}`, false);
        const summary = summarize(policy, won, new Map([[agent, observation]]));
        const { fleet, fleetCircuits } = observation;
        // The leader's figures change with time, without a notification.
        const recheck = fleet !== undefined || fleetCircuits !== undefined;
        return { readiness, recheck, summary };
      },
    };
  }

  /** Whether status can tell how the agent enforces the policy with this UID. */
  #targetReadiness(namespace: string, agent: string, uid: string): Readiness {
    const key = `${namespace}/${agent}`;
    const state = this.#options.agents.stateOf(key);
    const current = this.#options.attachments.of(namespace).agents.get(agent)!;
    const isInForce =
      state !== undefined && versionsText(state.attachment, uid) === versionsText(current, uid);
    return isInForce ? this.#freshness.readiness(key) : UNTIL_NOTIFIED;
  }

  /**
   * @param forMs how long the readiness holds, from before the write. If it ends meanwhile, status must still be made once
   *   more.
   */
  async #write<S extends object, T extends StatusObject<S>>(
    writer: StatusWriter<S, T>,
    resource: Resource<T, 'status/update'>,
    object: T,
    forMs: number,
    signal: AbortSignal,
    { next, events }: Draft<S>,
  ): Promise<{ requeueAfterMs: number } | void> {
    const { clock } = this.#options;
    const result = await writer.write(object, next, clock.monotonic(), signal);
    if (result.written) {
      this.#options.onWritten?.(resource.kind, keyOf(object));
      this.#record(resource, object, events(object.status));
    }
    const contestMs = writer.contestOf(object)?.lookAgainMs ?? Infinity;
    return lookAgain(Math.min(result.retryAfterMs ?? Infinity, forMs, contestMs));
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

  /** @param whole whether to include the Deployment and its autoscaler, which policies do not need */
  #observe(key: string, whole: boolean): AgentObservation {
    const { caches, links, fleet, agents, clock } = this.#options;
    const { namespace, name } = namesOf(key);
    const { limits, circuits } = fleet.of(key);
    return observe({
      fleetCircuits: circuits?.status() ?? [],
      state: agents.stateOf(key),
      deployment: whole ? caches.deployments.get(namespace, name) : undefined,
      ...(whole ? scalersOf(caches, key) : { autoscaler: undefined }),
      pods: caches.replicas.of(key),
      fleet: limits?.figures(),
      report: (uid) => links.podReport(uid),
      now: new Date(clock.now()),
    });
  }
}

/** Nothing to look at again without a notification if the time is Infinity. */
function lookAgain(ms: number): { requeueAfterMs: number } | void {
  if (ms < Infinity) return { requeueAfterMs: ms };
}

function withContest(seen: AgentObservation, contest: Contest | undefined): AgentObservation {
  return contest ? { ...seen, contests: [contest, ...(seen.contests ?? [])] } : seen;
}
