import { isIP } from 'node:net';
import type { Histogram, Registry } from 'prom-client';
import type { Logger } from 'pino';
import type { Command, Configuration, Report } from '../../contract/generated/types.ts';
import { REPORT_INTERVAL } from '../../contract/link.ts';
import { formatRevision } from '../../contract/revision.ts';
import type { Clock } from '../kube/clock.ts';
import { share } from '../kube/share.ts';
import { NO_TRACES, SPAN_ATTRIBUTES, type Span, type Traces } from '../kube/span.ts';
import { type AttemptLimits, AttemptQueue } from './attemptQueue.ts';
import type { ClientCredentials } from './authority.ts';
import { Delivery, type DeliveryTiming } from './delivery.ts';
import { createDial, type Dial } from './dial.ts';
import type { Closure } from './link.ts';
import { registerMetrics } from './metrics.ts';
import {
  type LinkContext,
  PersistentLink,
  type PersistentLinkState,
  type PersistentLinkTiming,
} from './persistentLink.ts';
import type { ReportLimits } from './reportBudget.ts';
import { reportInterval } from './reportInterval.ts';
import {
  afterHello,
  afterReport,
  changeKind,
  isOfFleet,
  type ChangeKind,
  type FleetMessage,
  type HelloFacts,
  type PodFacts,
  type PodReport,
} from './report.ts';
import { type AgentKey, agentKeyOf, hasEnded, type PodTarget } from './target.ts';
import { type ReviewToken, TokenReviews } from './tokenReviews.ts';

export type LinksTiming = PersistentLinkTiming & DeliveryTiming;

const DEFAULT_TIMING: LinksTiming = {
  connectMs: 1_500,
  placeMs: 500,
  helloMs: 5_000,
  reviewMs: 15_000,
  heartbeat: { intervalMs: 5_000, silenceMs: 15_000 },
  closeMs: 1_000,
  baseMs: 250,
  maxMs: 30_000,
  stableMs: 10_000,
  excessMs: 300_000,
  answerMs: 5_000,
  retryMs: 30_000,
  maxRetryMs: 300_000,
};

const DEFAULT_LIMITS: ReportLimits = {
  bytesPerSecond: 256 * 1024,
  messagesPerSecond: 50,
  burstSeconds: 20,
};

/** After so many attempts with a failed token review the pod counts as not linked. */
const REVIEWS_BEFORE_REPORT = 3;

export interface LinksOptions {
  /** Called for the client certificate of each dial. */
  credentials: () => ClientCredentials;
  reviewToken: ReviewToken;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  logger: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  registry: Registry;
  /** How many connects go on at a time; 512 first ones and 32 repeated ones by default. */
  connects?: AttemptLimits;
  /** How many handshakes, reviews of tokens included, go on at a time; 16 first ones and 4 repeated ones by default; as many again may take long. */
  handshakes?: AttemptLimits;
  dial?: Dial;
  timing?: Partial<LinksTiming>;
  /** Limits of what each pod may send. Default: 256 KiB and 50 messages per second, with a burst of 20 s. */
  limits?: ReportLimits;
  /** Default: pushes are not traced. */
  traces?: Traces;
}

export type ChangeListener = (agentKey: AgentKey, kind: ChangeKind) => void;
/** Called when a pod has seen a higher term than this leader's. */
export type HigherTermListener = (agentKey: AgentKey, term: number) => void;

/** Called with each message of a connected pod that is only for the fleet and changes nothing in the pod's report. */
export type MessageListener = (pod: PodTarget, message: FleetMessage) => void;

interface Pod {
  target: PodTarget;
  key: AgentKey;
  report: PodReport;
  delivery: Delivery;
  /** Span of the push that the pod has not answered yet. */
  push: Span | undefined;
  link: PersistentLink | undefined;
  cancelPush: () => void;
}

interface Desired {
  configuration: Configuration;
  term: number;
}

/** The leader's links to all pods of agents, with the pods' reports and desired configurations. */
export class Links {
  readonly #options: LinksOptions;
  readonly #context: LinkContext;
  readonly #timing: LinksTiming;
  readonly #propagation: Histogram<string>;
  readonly #pods = new Map<string, Pod>();
  readonly #agents = new Map<AgentKey, Set<Pod>>();
  readonly #desired = new Map<AgentKey, Desired>();
  readonly #changeListeners = new Set<ChangeListener>();
  readonly #messageListeners = new Set<MessageListener>();
  readonly #termListeners = new Set<HigherTermListener>();
  #reportEveryMs: number = REPORT_INTERVAL.leastMs;
  /** Those of the last hello. Most pods have the same. */
  #features: HelloFacts['features'] = [];
  #leadership: { signal: AbortSignal; termOf: (agentKey: AgentKey) => number } | undefined;

  constructor(options: LinksOptions) {
    const handshakes = options.handshakes ?? { first: 16, repeated: 4 };
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#context = {
      credentials: options.credentials,
      dial: options.dial ?? createDial(),
      reviewToken: new TokenReviews(options.reviewToken, options.clock).review,
      connects: new AttemptQueue(options.connects ?? { first: 512, repeated: 32 }),
      handshakes: new AttemptQueue(handshakes),
      slowHandshakes: new AttemptQueue(handshakes),
      clock: options.clock,
      random: options.random,
      timing: this.#timing,
      reportEveryMs: () => this.#reportEveryMs,
      limits: options.limits ?? DEFAULT_LIMITS,
      logger: options.logger,
    };
    this.#propagation = registerMetrics(options.registry, () => this.#states());
  }

  /**
   * Opens links to all targets. Must be called at the beginning of a term. After the signal aborts only `send` sends. After
   * `closing` aborts, every link is closed, and reports and desired configurations are forgotten, because another leader may
   * change them. May be called again after that.
   *
   * @param termOf the term under which this process leads the agent; called whenever it is needed
   * @param closing default: the signal
   */
  open(
    signal: AbortSignal,
    termOf: (agentKey: AgentKey) => number,
    closing: AbortSignal = signal,
  ): void {
    if (this.#leadership !== undefined) this.#close();
    if (signal.aborted) return;
    const leadership = { signal, termOf };
    this.#leadership = leadership;
    const close = (): void => {
      if (this.#leadership === leadership) this.#close();
    };
    closing.addEventListener('abort', close, { once: true });
    for (const pod of this.#pods.values()) {
      this.#link(pod);
      if (pod.link !== undefined) pod.report = { ...pod.report, pending: true };
    }
  }

  #close(): void {
    this.#leadership = undefined;
    this.#desired.clear();
    // Otherwise each stopped link would let the next pod be dialled.
    const { connects, handshakes, slowHandshakes } = this.#context;
    for (const attempts of [connects, handshakes, slowHandshakes]) attempts.clear();
    for (const pod of this.#pods.values()) {
      this.#stop(pod);
      pod.report = this.#blank(pod.target);
      pod.delivery = this.#delivery();
    }
  }

  /** Replaces all targets. A pod that is not among them loses its link and its report. */
  setTargets(targets: readonly PodTarget[]): void {
    const byAgent = Map.groupBy(targets, agentKeyOf);
    for (const key of this.#agents.keys()) if (!byAgent.has(key)) this.setTargetsOf(key, []);
    for (const [key, own] of byAgent) this.setTargetsOf(key, own);
  }

  /** Replaces all targets of one agent. */
  setTargetsOf(agentKey: AgentKey, targets: readonly PodTarget[]): void {
    const byUid = new Map(targets.map((target) => [target.uid, target]));
    for (const pod of this.#agents.get(agentKey) ?? []) {
      if (!byUid.has(pod.target.uid)) this.#remove(pod);
    }
    for (const target of byUid.values()) {
      const pod = this.#pods.get(target.uid);
      if (pod === undefined) this.#add(target);
      else this.#update(pod, target);
    }
  }

  #add(target: PodTarget): void {
    const key = agentKeyOf(target);
    const pod: Pod = {
      target,
      key,
      report: this.#blank(target),
      delivery: this.#delivery(),
      push: undefined,
      link: undefined,
      cancelPush: () => undefined,
    };
    this.#pods.set(target.uid, pod);
    this.#paceReports();
    const siblings = this.#agents.get(key);
    if (siblings === undefined) this.#agents.set(key, new Set([pod]));
    else siblings.add(pod);
    this.#link(pod);
    this.#changed(key, 'State');
  }

  #update(pod: Pod, target: PodTarget): void {
    if (agentKeyOf(target) !== pod.key || target.name !== pod.target.name) {
      this.#remove(pod);
      return this.#add(target);
    }
    const before = pod.target;
    pod.target = target;
    if (addressesOf(target).join() !== addressesOf(before).join() || target.port !== before.port) {
      this.#stop(pod);
      pod.report = { ...pod.report, connected: false };
      this.#link(pod);
    } else if (speaksFor(before, target)) {
      pod.link?.retryNow();
    }
    if (servesOtherwise(before, target)) this.#changed(pod.key, 'State');
  }

  #remove(pod: Pod): void {
    this.#pods.delete(pod.target.uid);
    this.#paceReports();
    const siblings = this.#agents.get(pod.key);
    siblings?.delete(pod);
    if (siblings?.size === 0) this.#agents.delete(pod.key);
    this.#stop(pod);
    this.#changed(pod.key, 'State');
  }

  /** Has all pods report less often when there are many. */
  #paceReports(): void {
    const reportEveryMs = reportInterval(this.#pods.size, this.#reportEveryMs);
    if (reportEveryMs === this.#reportEveryMs) return;
    this.#reportEveryMs = reportEveryMs;
    for (const pod of this.#pods.values()) pod.link?.announce(this.#termOf(pod.key));
  }

  /**
   * Sets the configuration of all pods of the agent. Connected pods get it now, other pods when they connect. It is not sent
   * to pods that already have its hash, and is repeated with a delay to pods that refused it. Ignored while not open.
   *
   * @param term of the push; a higher `termOf` takes precedence
   */
  setDesired(agentKey: AgentKey, configuration: Configuration, term: number): void {
    if (!this.#isLeader()) return;
    this.#desired.set(agentKey, { configuration, term });
    this.termChanged(agentKey);
  }

  /** Announces the agent's term to pods if `termOf` has grown, and pushes configurations that waited for it. */
  termChanged(agentKey: AgentKey): void {
    for (const pod of this.#agents.get(agentKey) ?? []) this.#synchronise(pod);
  }

  /** Tells the agent's pods that their namespace is deleted. */
  namespaceDeleted(agentKey: AgentKey): void {
    const term = this.#termOf(agentKey);
    for (const { target } of this.#agents.get(agentKey) ?? []) {
      this.send(target.uid, { type: 'NamespaceDeleted', term });
    }
  }

  /** Forgets the agent's desired configuration. Must be called after the deletion of the agent. */
  forget(agentKey: AgentKey): void {
    this.#desired.delete(agentKey);
  }

  /** The report of a pod; undefined if it is not a target. */
  podReport(uid: string): PodReport | undefined {
    return this.#pods.get(uid)?.report;
  }

  /** What Kubernetes says of a pod; undefined if it is not a target. */
  targetOf(uid: string): PodTarget | undefined {
    return this.#pods.get(uid)?.target;
  }

  /** The reports of all targets of the agent, connected or not, ordered by the name of the pod. */
  podsOf(agentKey: AgentKey): PodReport[] {
    return [...(this.#agents.get(agentKey) ?? [])]
      .map((pod) => pod.report)
      .sort((a, b) => (a.pod < b.pod ? -1 : 1));
  }

  /** Sends a message to a pod. It is lost if the pod is not connected. */
  send(uid: string, command: Command): void {
    // Also after the end of the term, so that the leader can hand over the limits of fleets.
    this.#pods.get(uid)?.link?.send(JSON.stringify(command));
  }

  /** Calls the listener with each message for the fleet. @returns ends the subscription */
  onMessage(listener: MessageListener): () => void {
    this.#messageListeners.add(listener);
    return () => this.#messageListeners.delete(listener);
  }

  /** Calls the listener after each change of a report or of a target. @returns ends the subscription */
  onChange(listener: ChangeListener): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /**
   * Calls the listener when a pod reports a term above `termOf`. The listener must have its term raised above it. If that
   * happens before it returns, the link announces the new term at once. Otherwise `termChanged` or `setDesired` does.
   */
  onHigherTerm(listener: HigherTermListener): () => void {
    this.#termListeners.add(listener);
    return () => this.#termListeners.delete(listener);
  }

  /** Starts to dial the pod, if this process leads and the pod has an address. */
  #link(pod: Pod): void {
    const addresses = addressesOf(pod.target);
    if (!this.#isLeader() || addresses.length === 0) return;
    pod.link = new PersistentLink(pod.target, addresses, this.#context, {
      term: () => this.#termOf(pod.key),
      hasEnded: () => hasEnded(pod.target, this.#options.clock.now()),
      onConnected: (hello) => this.#connected(pod, hello),
      onReport: (report) => this.#reported(pod, report),
      onClosed: (closure, failures) => this.#closed(pod, closure, failures),
    });
    pod.link.start();
  }

  #stop(pod: Pod): void {
    pod.cancelPush();
    endPush(pod, 'LinkClosed');
    if (pod.link === undefined) return;
    pod.link.stop();
    pod.link = undefined;
  }

  #connected(pod: Pod, hello: HelloFacts): void {
    this.#features = share(hello.features, this.#features);
    const facts = { ...hello, features: this.#features };
    pod.report = afterHello(pod.report, facts, this.#wallTime());
    pod.delivery.connected(hello.boot);
    this.#checkTerm(pod);
    this.#synchronise(pod);
    this.#changed(pod.key, 'State');
  }

  #reported(pod: Pod, report: Report): void {
    if (!isOfFleet(report)) return this.#merge(pod, report);
    for (const listener of this.#messageListeners) this.#guard(() => listener(pod.target, report));
  }

  #merge(pod: Pod, report: PodFacts): void {
    const before = pod.report;
    pod.report = afterReport(before, report);
    if (report.type === 'Snapshot') {
      const outcome = pod.delivery.answer(report.configuration, this.#now());
      if (typeof outcome === 'number') this.#propagation.observe(outcome / 1000);
      if (outcome === 'Refused') this.#logRefusal(pod);
      if (outcome !== undefined) endPush(pod, outcome === 'Refused' ? outcome : undefined);
      if ((pod.report.highestTerm ?? 0) > (before.highestTerm ?? 0)) this.#checkTerm(pod);
      this.#synchronise(pod);
    }
    this.#changed(pod.key, changeKind(before, report));
  }

  #closed(pod: Pod, { reason }: Closure, failures: number): void {
    pod.cancelPush();
    endPush(pod, 'LinkClosed');
    // A failed review says nothing about the pod. But the pod must not stay pending while reviews fail.
    if (reason === 'ReviewFailed' && failures < REVIEWS_BEFORE_REPORT) return;
    const incompatible = reason === 'Incompatible';
    const { pending, excessive: before, ...report } = pod.report;
    const excessive = reason === 'Excessive';
    const same = report.incompatible === incompatible && (before ?? false) === excessive;
    if (!report.connected && same && !pending) return;
    const since = report.connected ? this.#wallTime() : report.since;
    const excess = excessive && { excessive };
    pod.report = { ...report, connected: false, incompatible, ...excess, since };
    this.#changed(pod.key, 'State');
  }

  /** Calls listeners if the pod has seen a higher term than ours. */
  #checkTerm(pod: Pod): void {
    const term = pod.report.highestTerm ?? 0;
    if (term <= this.#termOf(pod.key)) return;
    for (const listener of this.#termListeners) this.#guard(() => listener(pod.key, term));
    this.termChanged(pod.key);
  }

  /** Announces our term, and pushes the desired configuration if Delivery decides so. */
  #synchronise(pod: Pod): void {
    pod.cancelPush();
    if (!this.#isLeader() || pod.link === undefined) return;
    const term = this.#termOf(pod.key);
    pod.link.announce(term);
    const desired = this.#desired.get(pod.key);
    if (desired === undefined || !pod.report.connected) return;
    // The pod would refuse it. Listeners were called to raise the term.
    if (term < (pod.report.highestTerm ?? 0)) return;
    this.#push(pod, desired.configuration, term);
  }

  #push(pod: Pod, configuration: Configuration, term: number): void {
    const { hash } = configuration;
    const decision = pod.delivery.decide(hash, pod.report.hash, this.#now());
    if (decision.kind === 'Wait') {
      pod.cancelPush = this.#options.clock.after(decision.ms, () => this.#synchronise(pod));
    }
    if (decision.kind !== 'Send') return;
    pod.delivery.sent(hash, this.#now());
    endPush(pod, 'NotAnswered');
    pod.push = this.#tracedPush(pod, configuration);
    pod.link?.send(JSON.stringify({ type: 'Configure', term, configuration }));
    pod.cancelPush = this.#options.clock.after(this.#timing.answerMs, () => this.#synchronise(pod));
  }

  #tracedPush({ target }: Pod, { revision }: Configuration): Span {
    return (this.#options.traces ?? NO_TRACES).partOrTrace('push configuration', () => ({
      [SPAN_ATTRIBUTES.namespace]: target.namespace,
      [SPAN_ATTRIBUTES.agent]: target.agent,
      [SPAN_ATTRIBUTES.pod]: target.name,
      [SPAN_ATTRIBUTES.revision]: formatRevision(revision),
    }));
  }

  /** The agent's term: the larger of `termOf` and that of its last configuration. */
  #termOf(agentKey: AgentKey): number {
    const term = this.#leadership?.termOf(agentKey) ?? 0;
    return Math.max(term, this.#desired.get(agentKey)?.term ?? 0);
  }

  #isLeader(): boolean {
    return this.#leadership !== undefined && !this.#leadership.signal.aborted;
  }

  #logRefusal(pod: Pod): void {
    const { namespace, agent, name } = pod.target;
    this.#options.logger.warn(
      { namespace, name: agent, pod: name },
      'Configuration refused by pod',
    );
  }

  #changed(agentKey: AgentKey, kind: ChangeKind): void {
    for (const listener of this.#changeListeners) this.#guard(() => listener(agentKey, kind));
  }

  /** An exception of a listener must not end a link. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.logger.error({ err: error }, 'Listener of the links failed');
    }
  }

  #blank({ namespace, agent, name, uid }: PodTarget): PodReport {
    return {
      namespace,
      agent,
      pod: name,
      uid,
      connected: false,
      incompatible: false,
      since: this.#wallTime(),
      features: [],
    };
  }

  #delivery(): Delivery {
    return new Delivery(this.#timing, this.#options.random);
  }

  #states(): PersistentLinkState[] {
    return [...this.#pods.values()].flatMap((pod) => pod.link?.state ?? []);
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  #wallTime(): string {
    return new Date(this.#options.clock.now()).toISOString();
  }
}

/** Whether the kubelet reports the pod as running or ready, and has not before. */
function speaksFor(before: PodTarget, { running, ready }: PodTarget): boolean {
  return (running === true && !before.running) || (ready === true && !before.ready);
}

/** The pod's addresses in the order in which they are dialled. */
function addressesOf({ ip, ips = [] }: PodTarget): string[] {
  const all = new Set([ip, ...ips]);
  return [...all].filter((each) => each !== undefined && isIP(each) !== 0) as string[];
}

/** Whether Kubernetes says something else of the pod that listeners may act on. */
function servesOtherwise(before: PodTarget, { ip, running, ready, killedAt }: PodTarget): boolean {
  return (
    before.ip !== ip ||
    before.running !== running ||
    before.ready !== ready ||
    before.killedAt !== killedAt
  );
}

function endPush(pod: Pod, error?: string): void {
  pod.push?.end(error);
  pod.push = undefined;
}
