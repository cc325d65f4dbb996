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
import { PolicyTargets, type TargetSource, type TargetState } from './policyTargets.ts';
import { graceAfter, graceLeft, isPending, observe } from './observe.ts';
import type { OwnWrites } from './ownWrites.ts';
import { versionsText } from './attachedVersions.ts';
import { Repairs } from './repairs.ts';
import { scalersOf } from './scalers.ts';
import { StatusWriter, type StatusClient, type StatusObject } from './statusWriter.ts';

export interface StatusReconcilerOptions {
  client: StatusClient;
  /** Namespace and name of the Lease. */
  installation: string;
  caches: Caches;
  attachments: Attachments;
  notifier: Pick<AgentNotifier, 'subscribe'>;
  links: PodLinks;
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

/** Pods have this long to confirm a new configuration. Until then status does not change. */
const CONFIRM_MS = 200;

/** Between two parts of the work on a policy with many targets: the event loop runs. */
const NEXT_PART_MS = 1;

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
}

/** Writes the status of agents and policies, and Events for its changes. */
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
    const { client, ownWrites, installation, clock } = options;
    const shared = {
      ...{ client, ownWrites },
      refreshes: new FigureRefreshes(),
      repairs: new Repairs(() => clock.monotonic()),
      fieldManager: statusManager(installation),
    };
    this.#options = options;
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
    if (this.#pending(key)) return;
    const waitMs = this.#waitMs(key);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const agent = this.#agents.newest(cached);
    const observation = withContest(this.#observe(key, true), this.#agents.contestOf(agent));
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
    const pauseMs = this.#pauseMs(this.#breakers, key);
    if (pauseMs > 0) return { requeueAfterMs: pauseMs };
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.breaker(namespace, name);
    return this.#policy(key, attachment, this.#breakers, signal, (input) => {
      const next = breakerStatus(input);
      return { next, events: (previous) => breakerPolicyEvents(previous, next) };
    });
  };

  limit: Reconcile = async (key, signal) => {
    const pauseMs = this.#pauseMs(this.#limits, key);
    if (pauseMs > 0) return { requeueAfterMs: pauseMs };
    const { namespace, name } = namesOf(key);
    const attachment = this.#options.attachments.limit(namespace, name);
    return this.#policy(key, attachment, this.#limits, signal, (input) => {
      const next = limitStatus(input);
      return { next, events: (previous) => rateLimitPolicyEvents(previous, next) };
    });
  };

  /** Time left of the pause of a policy with many targets. */
  #pauseMs(
    { targets }: { targets: ReadonlyMap<string, Pick<PolicyTargets<unknown>, 'pauseMs'>> },
    key: string,
  ): number {
    return targets.get(key)?.pauseMs(this.#options.clock.monotonic()) ?? 0;
  }

  async #policy<P extends Policy & StatusObject<S>, S extends object, Summary>(
    key: string,
    attachment: PolicyAttachment<P> | undefined,
    kind: PolicyStatuses<P, S, Summary>,
    signal: AbortSignal,
    draft: (input: PolicyStatusInput<P> & { seen: Summary }) => Draft<S>,
  ): Promise<{ requeueAfterMs?: number } | void> {
    const { writer, resource } = kind;
    if (!attachment || attachment.policy.metadata.deletionTimestamp) {
      writer.forget(key);
      kind.targets.delete(key);
      return;
    }
    const targets = kind.targets.get(key) ?? new PolicyTargets(kind.merge);
    kind.targets.set(key, targets);
    const source = this.#source(namesOf(key).namespace, attachment.policy, kind);
    const { complete, inForce, pending, waitMs, graceMs, summary } = targets.update(
      attachment,
      source,
      this.#options.clock.monotonic(),
    );
    if (!complete) return { requeueAfterMs: NEXT_PART_MS };
    if (!inForce || pending) return;
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const policy = writer.newest(attachment.policy);
    const now = new Date(this.#options.clock.now());
    const contest = writer.contestOf(policy);
    const input = {
      ...{ attachment: { ...attachment, policy }, previous: policy.status, now },
      ...(contest && { contest }),
    };
    const due = draft({ ...input, seen: summary() });
    return this.#write(writer, resource, policy, graceMs, signal, due);
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
        const state = this.#targetState(namespace, agent, metadata.uid!);
        if (!state.inForce || state.pending) return state;
        const observation = this.#observe(`${namespace}/${agent}`, false);
        const summary = summarize(policy, won, new Map([[agent, observation]]));
        const { fleet, fleetCircuits } = observation;
        // The leader's figures change with time, without a notification.
        const recheck = state.recheck || fleet !== undefined || fleetCircuits !== undefined;
        return { ...state, recheck, summary };
      },
    };
  }

  /** Whether status can tell how the agent enforces the policy with this UID. */
  #targetState(namespace: string, agent: string, uid: string): TargetState<never> {
    const key = `${namespace}/${agent}`;
    const state = this.#options.agents.stateOf(key);
    const current = this.#options.attachments.of(namespace).agents.get(agent)!;
    const inForce =
      state !== undefined && versionsText(state.attachment, uid) === versionsText(current, uid);
    const [waitMs, graceMs] = [this.#waitMs(key), this.#graceLeft(key)];
    const pending = this.#pending(key);
    return { inForce, pending, waitMs, graceMs, recheck: waitMs > 0 || graceMs > 0 };
  }

  /** @param graceMs from before the write: if it ends during the write, status must still be made once more */
  async #write<S extends object, T extends StatusObject<S>>(
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
    const contestMs = writer.contestOf(object)?.lookAgainMs ?? 0;
    const again = [result.retryAfterMs ?? 0, graceMs, contestMs].filter((ms) => ms > 0);
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
      pods: this.#pods(key),
      fleet: limits?.figures(),
      report: (uid) => links.podReport(uid),
      now: new Date(clock.now()),
    });
  }

  #pods(key: string): Pod[] {
    return this.#options.caches.replicas.of(key);
  }

  /** Whether to wait for the end of an attempt, which enqueues the status again. */
  #pending(key: string): boolean {
    return isPending(this.#pods(key), (uid) => this.#options.links.podReport(uid));
  }

  /** Milliseconds to wait until pods have had time to report; 0: status can be made now. */
  #waitMs(key: string): number {
    return Math.max(this.#confirmationWaitMs(key), this.#snapshotWaitMs(key));
  }

  /** Time left for pods that have just connected to send their snapshot. */
  #snapshotWaitMs(key: string): number {
    const now = new Date(this.#options.clock.now());
    const left = this.#options.links
      .podsOf(key)
      .filter(({ connected, snapshot }) => connected && snapshot === undefined)
      .map(({ since }) => graceAfter(since, now));
    return Math.max(0, ...left);
  }

  /** Time left for pods to confirm the configuration that they were just sent. */
  #confirmationWaitMs(key: string): number {
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

function withContest(seen: AgentObservation, contest: Contest | undefined): AgentObservation {
  return contest ? { ...seen, contests: [contest, ...(seen.contests ?? [])] } : seen;
}
