import { pino } from 'pino';
import type { Command } from '../../contract/generated/types.ts';
import { parseReport } from '../../contract/validate.ts';
import type { MessageListener } from '../../operator/links/links.ts';
import { isOfFleet } from '../../operator/links/report.ts';
import type { PodTarget } from '../../operator/links/target.ts';
import type { Fleet } from '../../operator/reconcile/fleet.ts';
import { ledFleet } from '../../operator/testing/ledFleet.ts';
import { ActiveConfiguration } from '../../runtime/control/configuration.ts';
import { Commands } from '../../runtime/control/commands.ts';
import { REFUND } from '../../runtime/guard/admission.ts';
import type { Dependency } from '../../runtime/guard/dependency.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import type { Permit } from '../../runtime/guard/permit.ts';
import { IGNORED, OK } from '../../runtime/resilience/outcome.ts';
import { content } from '../../runtime/testing/guardFixture.ts';
import type { VirtualTime } from './virtualTime.ts';

const AGENT = 'default/triage';
const PRIMARY = 'model/primary';
const KEY = 'key-of-the-agent';
const MINUTE = 60_000;

const log = pino({ level: 'silent' });

/** A provider with one token bucket for the agent's key, full at first. Each answer states its level. */
export class Provider {
  readonly limit: number;
  level: number;
  served = 0;
  refused = 0;
  readonly #time: VirtualTime;
  #at = 0;

  constructor(time: VirtualTime, perMinute: number) {
    this.#time = time;
    this.limit = perMinute;
    this.level = perMinute;
  }

  get perMs(): number {
    return this.limit / MINUTE;
  }

  take(tokens: number): boolean {
    this.level = Math.min(this.limit, this.level + (this.#time.now - this.#at) * this.perMs);
    this.#at = this.#time.now;
    const enough = this.level >= tokens;
    if (enough) {
      this.level -= tokens;
      this.served += tokens;
    } else this.refused += 1;
    return enough;
  }

  stated(resource: 'Requests' | 'InputTokens'): Parameters<Dependency['learn']>[0][number] {
    const remaining = Math.floor(this.level);
    return {
      ...{ resource, limit: this.limit, remaining },
      resetMs: Math.ceil((this.limit - this.level) / this.perMs),
    };
  }
}

export interface ProviderSceneOptions {
  pods: number;
  perMinute: number;
  resource?: 'Requests' | 'InputTokens';
  /** Delay of one way between a pod and the provider. */
  delayMs?: () => number;
  /** Delay of one message of a link. */
  linkMs?: () => number;
  /** The most pods, as their configuration says. */
  maxPods?: number;
}

/** One pod: the guard of the runtime, and the code that obeys the leader. */
export class ProviderPod {
  readonly uid: string;
  readonly guard: Guard;
  readonly commands: Commands;
  linked = false;
  asked = 0;
  admitted = 0;
  refused = 0;
  inFlight = 0;
  /** Most calls in flight at a time. */
  most = 0;
  load = 0;
  readonly #scene: ProviderScene;

  constructor(scene: ProviderScene, uid: string) {
    this.#scene = scene;
    this.uid = uid;
    const clock = scene.time.clock(1000 * scene.pods.length);
    this.guard = new Guard({
      clock,
      seed: uid,
      leader: {
        send: (report) => scene.toLeader(this, report),
      },
    });
    this.guard.apply(content({ providerLimits: { maxPods: scene.options.maxPods } }));
    this.guard.useCredential(PRIMARY, KEY);
    const configuration = new ActiveConfiguration({
      ...{ apply: () => undefined, date: () => clock.date(), onChange: () => undefined, log },
      onTampered: () => undefined,
    });
    this.commands = new Commands({
      configuration,
      snapshot: () => {
        throw new Error('nothing is configured by a link');
      },
      onSiblings: () => undefined,
      onNamespaceDeleted: () => undefined,
      onReportInterval: () => undefined,
      followFleet: () => [],
      fleet: () => undefined,
      providers: (command) => this.guard.providers.apply(command),
      date: () => clock.date(),
      log,
    });
  }

  /** Makes calls at an even rate from now on, each with this many tokens. */
  loadWith(perSecond: number, tokens = 1): void {
    const load = (this.load += 1);
    const next = (): void => {
      if (this.load !== load) return;
      this.call(tokens);
      this.#scene.time.after(1000 / perSecond, next);
    };
    this.#scene.time.after((1000 / perSecond) * 0.37, next);
  }

  call(tokens = 1): void {
    this.asked += 1;
    const dependency = this.guard.dependency(PRIMARY)!;
    const credential = { hash: KEY, mounted: true };
    const cost = { inputTokens: tokens, outputTokens: 0 };
    const answer = dependency.acquire({ credential, cost, immediate: true });
    if (answer.kind !== 'Permit') return;
    this.admitted += 1;
    this.#send(dependency, answer, tokens);
  }

  #send(dependency: Dependency, permit: Permit, tokens: number): void {
    const { time, provider, options } = this.#scene;
    const { resource, delayMs } = options;
    this.inFlight += 1;
    this.most = Math.max(this.most, this.inFlight);
    time.after(delayMs(), () => {
      const served = provider.take(resource === 'Requests' ? 1 : tokens);
      const stated = provider.stated(resource);
      time.after(delayMs(), () => {
        this.inFlight -= 1;
        dependency.learn([stated], KEY, {}, permit.grantedAt);
        if (served) permit.settle(OK);
        else {
          this.refused += 1;
          permit.refused('RateLimited', 1000);
          permit.settle(IGNORED, REFUND);
        }
      });
    });
  }
}

/** Pods with one key of a provider, and the leader, in virtual time, with the code of both sides. */
export class ProviderScene {
  readonly time: VirtualTime;
  readonly options: Required<ProviderSceneOptions>;
  readonly provider: Provider;
  readonly pods: ProviderPod[] = [];
  leader: Fleet | undefined;
  /** Messages between the leader and the pods. */
  messages = 0;
  #term = 0;
  #leading: AbortController | undefined;
  #listeners: MessageListener[] = [];
  #changed: (() => void)[] = [];

  constructor(time: VirtualTime, options: ProviderSceneOptions) {
    this.time = time;
    const maxPods = 2 * options.pods + 1;
    this.options = {
      resource: 'Requests',
      delayMs: () => 20,
      linkMs: () => 1,
      maxPods,
      ...options,
    };
    this.provider = new Provider(time, options.perMinute);
    for (let i = 1; i <= options.pods; i += 1) {
      this.pods.push(new ProviderPod(this, `pod-${i}`));
    }
  }

  /** Another leader takes over. The former one sends nothing more. */
  elect(): void {
    this.depose();
    this.#term += 1;
    const { time } = this;
    const links = {
      podsOf: () =>
        this.pods.map(({ uid, linked }) => ({
          ...{ uid, pod: uid, boot: '1', connected: linked, features: [] },
        })),
      targetOf: () => undefined,
      send: (uid: string, command: Command) => this.#toPod(uid, command),
      onChange: (listener: (key: string, kind: 'State') => void) =>
        listen(this.#changed, () => listener(AGENT, 'State')),
      onMessage: (listener: MessageListener) => listen(this.#listeners, listener),
    };
    const clock = {
      monotonic: () => time.now,
      now: () => time.now,
      after: (ms: number, run: () => void) => time.after(ms, run),
    };
    const term = this.#term;
    this.#leading = new AbortController();
    this.leader = ledFleet(this.#leading.signal, { links, clock }, { termOf: () => term });
    const desired = { content: content({ providerLimits: { maxPods: this.options.maxPods } }) };
    this.leader.configure(AGENT, desired);
    for (const pod of this.pods) this.link(pod, true);
  }

  depose(): void {
    this.#leading?.abort();
    this.leader = undefined;
    for (const pod of this.pods) pod.linked = false;
  }

  link(pod: ProviderPod, linked: boolean): void {
    pod.linked = linked;
    for (const each of this.#changed) each();
  }

  toLeader(pod: ProviderPod, report: unknown): void {
    const term = this.#term;
    if (!pod.linked) return;
    this.messages += 1;
    const parsed = parseReport(JSON.parse(JSON.stringify(report)));
    if (!parsed.ok) throw new Error(parsed.message);
    const { value } = parsed;
    this.time.after(this.options.linkMs(), () => {
      if (!pod.linked || term !== this.#term) return;
      const from = { namespace: 'default', agent: 'triage', uid: pod.uid } as PodTarget;
      if (!isOfFleet(value)) return;
      for (const each of this.#listeners) each(from, value);
    });
  }

  sum(of: 'asked' | 'admitted' | 'refused' | 'most'): number {
    return this.pods.reduce((sum, pod) => sum + pod[of], 0);
  }

  #toPod(uid: string, command: Command): void {
    const pod = this.pods.find((each) => each.uid === uid);
    if (pod?.linked !== true) return;
    this.messages += 1;
    const text = JSON.stringify(command);
    this.time.after(this.options.linkMs(), () => {
      if (!pod.linked) return;
      const answer = pod.commands.handle(JSON.parse(text));
      if (answer) this.toLeader(pod, answer);
    });
  }
}

function listen<T>(listeners: T[], listener: T): () => void {
  listeners.push(listener);
  return () => void listeners.splice(listeners.indexOf(listener), 1);
}
