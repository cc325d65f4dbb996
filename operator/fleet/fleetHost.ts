import type { Command, Configuration, Content } from '../../contract/generated/types.ts';
import { FLEET } from '../../contract/link.ts';
import type {
  FleetContext,
  FleetMessage,
  FleetPods,
  FleetService,
  FleetServiceKind,
  PodChange,
  PodReport,
  PodTarget,
} from './fleetService.ts';

/** `namespace/name` of an agent. */
type AgentKey = string;

/** The links to pods, as the host needs them. */
export interface FleetLinks {
  podsOf(key: AgentKey): readonly PodReport[];
  targetOf(uid: string): PodTarget | undefined;
  send(uid: string, command: Command): void;
  onChange(listener: (key: AgentKey, change: PodChange) => void): () => void;
  onMessage(listener: (pod: PodName, message: FleetMessage) => void): () => void;
}

interface PodName {
  namespace: string;
  agent: string;
  uid: string;
}

type Kinds<S> = { [Name in keyof S]: FleetServiceKind<S[Name] & FleetService> };

export interface FleetHostOptions<S> {
  links: FleetLinks;
  clock: { now(): number; monotonic(): number; after(ms: number, call: () => void): () => void };
  /** A number in [0, 1). */
  random: () => number;
  kinds: Kinds<S>;
}

/** One term of this process as leader. */
export interface FleetTerm {
  /** Unique name of this leader. */
  session: string;
  /** Whether this process certainly leads. */
  leads: () => boolean;
  termOf: (key: AgentKey) => number;
  /** Agents that exist when the term begins. An earlier leader may have granted tokens to their pods. */
  agents: Iterable<AgentKey>;
  /** Milliseconds for which that leader may go on granting. */
  beforeMs: number;
  /** Called after changes that the agent's status shows. */
  onChange: (key: AgentKey) => void;
}

interface Agent<S> {
  context: FleetContext;
  pods: FleetPods;
  services: Partial<S>;
  tickAt: number;
  cancelTick: () => void;
}

interface Leadership<S> {
  term: FleetTerm;
  /** Agents that had no configuration yet in this term. */
  unseen: Set<AgentKey>;
  agents: Map<AgentKey, Agent<S>>;
  lastNumber: number;
  /** Resolves the handover; undefined before it begins. */
  left: (() => void) | undefined;
  stops: (() => void)[];
}

/**
 * Runs the services that decide for all pods of an agent, while this process leads. It owns what they share: the term, the
 * subscriptions to the links, the envelope of messages, and one timer for each agent.
 */
export class FleetHost<S extends Record<keyof S, FleetService>> {
  readonly #options: FleetHostOptions<S>;
  #leadership: Leadership<S> | undefined;

  constructor(options: FleetHostOptions<S>) {
    this.#options = options;
  }

  /** Leads until `close`. Must be called before the links open, and `close` before they close. */
  lead(term: FleetTerm): void {
    this.close();
    const { links } = this.#options;
    this.#leadership = {
      ...{ term, unseen: new Set(term.agents), agents: new Map(), lastNumber: 0, left: undefined },
      stops: [
        links.onChange((key, change) =>
          this.#change(key, (service, { pods }) => service.pods(pods, change)),
        ),
        links.onMessage(({ namespace, agent, uid }, message) =>
          this.#change(`${namespace}/${agent}`, (service) => service.message?.(uid, message)),
        ),
      ],
    };
  }

  /** Must be called with each configuration of the agent, before it is pushed to pods. */
  configure(key: AgentKey, { content }: Pick<Configuration, 'content'>): void {
    const leadership = this.#leadership;
    if (leadership === undefined || leadership.left !== undefined) return;
    const agent = leadership.agents.get(key) ?? this.#createAgent(leadership, key);
    leadership.unseen.delete(key);
    for (const name of this.#names) this.#configure(agent, name, content);
    agent.context.beforeMs = undefined;
    if (servicesOf(agent).length > 0) leadership.agents.set(key, agent);
    else this.forget(key);
    this.#tick(agent);
  }

  #configure(agent: Agent<S>, name: keyof S, content: Content): void {
    const kind = this.#options.kinds[name];
    const known = agent.services[name];
    if (!kind.isUsed(content)) {
      known?.end?.('Unused');
      delete agent.services[name];
      return;
    }
    const service = known ?? kind.create(agent.context);
    agent.services[name] = service;
    if (known === undefined) service.pods(agent.pods, 'State');
    service.configure(content);
  }

  /** Must be called after the deletion of the agent. */
  forget(key: AgentKey): void {
    const agent = this.#leadership?.agents.get(key);
    if (agent === undefined) return;
    this.#leadership!.agents.delete(key);
    end(agent, 'Unused');
  }

  /** The agent's services. Empty while this process does not lead. */
  of(key: AgentKey): Partial<S> {
    return this.#leadership?.agents.get(key)?.services ?? {};
  }

  /** The services of this kind of all agents. */
  all<Name extends keyof S>(name: Name): S[Name][] {
    return [...(this.#leadership?.agents.values() ?? [])].flatMap(
      ({ services }) => services[name] ?? [],
    );
  }

  /**
   * Hands over to the next leader, because this process stops. Resolves when no pod depends on this process any more,
   * after FLEET.leavingMs at the latest.
   */
  async leave(): Promise<void> {
    const leadership = this.#leadership;
    if (leadership === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    leadership.left = resolve;
    const cancel = this.#options.clock.after(FLEET.leavingMs, resolve);
    for (const agent of leadership.agents.values()) {
      for (const name of this.#names) leave(agent, name);
      this.#tick(agent);
    }
    this.#endIfLeft(leadership);
    await promise;
    cancel();
  }

  /** Ends all services and subscriptions. Does nothing while this process does not lead. */
  close(): void {
    const leadership = this.#leadership;
    if (leadership === undefined) return;
    this.#leadership = undefined;
    for (const stop of leadership.stops) stop();
    for (const agent of leadership.agents.values()) end(agent, 'Deposed');
    leadership.left?.();
  }

  get #names(): (keyof S)[] {
    return Object.keys(this.#options.kinds) as (keyof S)[];
  }

  #createAgent(leadership: Leadership<S>, key: AgentKey): Agent<S> {
    const { links, clock, random } = this.#options;
    const { session, leads, termOf, beforeMs, onChange } = leadership.term;
    const term = (): number => termOf(key);
    const context: FleetContext = {
      ...{ session, clock, random, term, leads },
      beforeMs: leadership.unseen.has(key) ? beforeMs : undefined,
      nextNumber: () => (leadership.lastNumber += 1),
      send: (uid, command) => links.send(uid, { term: term(), ...command }),
      changed: () => onChange(key),
    };
    const pods: FleetPods = () =>
      links
        .podsOf(key)
        .map((report) => ({ report, target: links.targetOf(report.uid) ?? { name: report.pod } }));
    return { context, pods, services: {}, tickAt: Infinity, cancelTick: () => undefined };
  }

  /** Gives an event to each service of the agent. */
  #change(key: AgentKey, event: (service: FleetService, agent: Agent<S>) => void): void {
    const leadership = this.#leadership;
    const agent = leadership?.agents.get(key);
    if (leadership === undefined || agent === undefined) return;
    for (const service of servicesOf(agent)) event(service, agent);
    this.#tick(agent);
    this.#endIfLeft(leadership);
  }

  /** Has the services do what is due, and schedules the next time. */
  #tick(agent: Agent<S>): void {
    const { clock } = this.#options;
    const at = Math.min(Infinity, ...servicesOf(agent).map((service) => service.tick()));
    if (at === agent.tickAt) return;
    agent.cancelTick();
    agent.tickAt = at;
    if (at === Infinity) return;
    agent.cancelTick = clock.after(Math.max(1, at - clock.monotonic()), () => {
      agent.tickAt = Infinity;
      this.#tick(agent);
      if (this.#leadership) this.#endIfLeft(this.#leadership);
    });
  }

  #endIfLeft({ left, agents }: Leadership<S>): void {
    if (left === undefined) return;
    const isAwaited = [...agents.values()].some((agent) =>
      servicesOf(agent).some((service) => service.isAwaited),
    );
    if (!isAwaited) left();
  }
}

function servicesOf<S>({ services }: Agent<S>): FleetService[] {
  return Object.values(services) as FleetService[];
}

function leave<S extends Record<keyof S, FleetService>>(agent: Agent<S>, name: keyof S): void {
  const service = agent.services[name];
  if (service?.leave) return service.leave();
  service?.end?.('Deposed');
  delete agent.services[name];
}

function end<S>(agent: Agent<S>, why: 'Unused' | 'Deposed'): void {
  agent.cancelTick();
  for (const service of servicesOf(agent)) service.end?.(why);
}
