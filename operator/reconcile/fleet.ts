import { Counter, Gauge, type Registry } from 'prom-client';
import { FLEET } from '../../contract/link.ts';
import type { Configuration } from '../../contract/generated/types.ts';
import { AgentFleet, type FleetFigures, type FleetPod } from '../fleet/limits/agentFleet.ts';
import type { Clock, Pod } from '../kube/index.ts';
import type { AgentKey, PodLinks } from '../links/index.ts';

export interface FleetOptions {
  links: PodLinks;
  /** The agent's pods, and whether the containers of each may run. */
  podsOf: (key: AgentKey) => FleetPod[];
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  registry: Registry;
  /** Name of this process. */
  instance: string;
}

/** One term of this process as leader. */
export interface FleetTerm {
  /** Whether this process certainly leads. */
  leads: () => boolean;
  termOf: (key: AgentKey) => number;
  /** Agents that exist when the term begins. An earlier leader may have granted tokens to their pods. */
  agents: Iterable<AgentKey>;
  /** Milliseconds for which that leader may go on granting. */
  beforeMs: number;
}

interface Led {
  fleet: AgentFleet;
  cancelHeartbeat: () => void;
  cancelServe: () => void;
}

interface Leading extends Omit<FleetTerm, 'agents'> {
  /** Agents that had no configuration yet in this term. */
  unseen: Set<AgentKey>;
  agents: Map<AgentKey, Led>;
  sessions: number;
  /** Called when no pod takes tokens from this process any more; undefined until it leaves. */
  left: (() => void) | undefined;
  stop: () => void;
}

/** Announced by runtimes that take tokens from the leader. */
const FEATURE = 'Limit.Fleet';

/** Connects the decisions on fleets' limits with the links to pods, while this process leads. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #grants: Counter;
  #leading: Leading | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#grants = new Counter({
      name: 'breakwater_fleet_grants_total',
      help: 'Blocks of tokens that the leader has granted to pods, of all limits of scope Fleet.',
      registers: [options.registry],
    });
    registerPods(options.registry, () => this.#pods());
  }

  /** Leads until the signal aborts. Must be called before the links open, so that it ends before they close. */
  open(signal: AbortSignal, term: FleetTerm): void {
    this.#leading?.stop();
    if (signal.aborted) return;
    const { links } = this.#options;
    const stops = [
      links.onLink((pod, connected) =>
        this.#linked(`${pod.namespace}/${pod.agent}`, pod.uid, connected),
      ),
      links.onChange((key, kind) => {
        if (kind === 'State') this.#change(key, (fleet, now) => this.#setPods(key, fleet, now));
      }),
      links.onMessage((pod, message) => {
        if (message.type !== 'Fleet') return;
        this.#change(`${pod.namespace}/${pod.agent}`, (fleet, now) =>
          fleet.report(pod.uid, message, now),
        );
      }),
    ];
    const leading: Leading = {
      ...term,
      unseen: new Set(term.agents),
      agents: new Map(),
      sessions: 0,
      left: undefined,
      stop: () => {
        for (const stop of stops) stop();
        for (const led of leading.agents.values()) end(led);
        if (this.#leading === leading) this.#leading = undefined;
      },
    };
    this.#leading = leading;
    signal.addEventListener('abort', leading.stop, { once: true });
  }

  /**
   * Hands over to the next leader, because this process stops. It goes on granting until the next leader does, and for
   * FLEET.leavingMs at most.
   *
   * @param left called at the end
   */
  leave(left: () => void): void {
    const leading = this.#leading;
    if (leading === undefined) return left();
    const cancel = this.#options.clock.after(FLEET.leavingMs, () => leading.left?.());
    leading.left = () => {
      leading.left = undefined;
      cancel();
      left();
    };
    for (const key of [...leading.agents.keys()]) {
      this.#change(key, (fleet, now) => fleet.leave(now));
    }
    this.#endIfLeft(leading);
  }

  /** Must be called with each configuration of the agent. */
  configured(key: AgentKey, { content }: Configuration): void {
    const leading = this.#leading;
    if (leading === undefined) return;
    const isFirst = leading.unseen.delete(key);
    const limits = content.limits.filter(({ fleet }) => fleet?.store === 'Leader');
    if (limits.length === 0) return this.forget(key);
    const known = leading.agents.has(key);
    if (!known) this.#lead(leading, key, isFirst ? leading.beforeMs : undefined);
    this.#change(key, (fleet, now) => {
      fleet.setLimits(limits, now);
      if (!known) this.#beginSessions(key, fleet, now);
    });
  }

  /** Must be called when the agent, or its last limit of scope Fleet, is gone. */
  forget(key: AgentKey): void {
    const led = this.#leading?.agents.get(key);
    if (led === undefined) return;
    led.fleet.forget();
    end(led);
    this.#leading!.agents.delete(key);
  }

  /** Undefined while this process does not lead, or the agent has no limit of scope Fleet. */
  figuresOf(key: AgentKey): FleetFigures | undefined {
    const led = this.#leading?.agents.get(key);
    if (led === undefined) return undefined;
    const now = this.#now();
    const { fleet } = led;
    return { leader: this.#options.instance, pods: fleet.pods(now), limits: fleet.figures(now) };
  }

  #lead(leading: Leading, key: AgentKey, beforeMs: number | undefined): void {
    const { links } = this.#options;
    const fleet = new AgentFleet(
      {
        term: () => leading.termOf(key),
        leads: leading.leads,
        nextSession: () => (leading.sessions += 1),
        send: (uid, message) => {
          if (message.type === 'Grant' && message.answer !== true) this.#grants.inc();
          links.send(uid, message);
        },
      },
      beforeMs,
      this.#now(),
    );
    const led: Led = { fleet, cancelServe: () => undefined, cancelHeartbeat: () => undefined };
    leading.agents.set(key, led);
    this.#setPods(key, fleet, this.#now());
    // A random start spreads the heartbeats of all agents.
    this.#heartbeat(key, led, this.#options.random() * FLEET.heartbeatMs);
  }

  #heartbeat(key: AgentKey, led: Led, afterMs: number): void {
    led.cancelHeartbeat = this.#options.clock.after(afterMs, () => {
      this.#heartbeat(key, led, FLEET.heartbeatMs);
      this.#change(key, (fleet, now) => {
        this.#setPods(key, fleet, now);
        fleet.heartbeat(now);
      });
    });
  }

  #linked(key: AgentKey, uid: string, connected: boolean): void {
    this.#change(key, (fleet, now) => {
      this.#setPods(key, fleet, now);
      if (!connected) fleet.disconnected(uid);
      else if (this.#canTake(uid)) fleet.connected(uid, now);
    });
  }

  /** Begins a session with each pod that is linked already. */
  #beginSessions(key: AgentKey, fleet: AgentFleet, now: number): void {
    for (const { uid, connected } of this.#options.links.podsOf(key)) {
      if (connected && this.#canTake(uid)) fleet.connected(uid, now);
    }
  }

  #canTake(uid: string): boolean {
    return this.#options.links.podReport(uid)?.features.includes(FEATURE) === true;
  }

  #setPods(key: AgentKey, fleet: AgentFleet, now: number): void {
    fleet.setPods(this.#options.podsOf(key), now);
  }

  /** Changes the fleet of one agent, and schedules its next `serve`. */
  #change(key: AgentKey, change: (fleet: AgentFleet, now: number) => void): void {
    const led = this.#leading?.agents.get(key);
    if (led === undefined) return;
    change(led.fleet, this.#now());
    led.cancelServe();
    const now = this.#now();
    const at = led.fleet.nextAt(now);
    if (at !== Infinity) {
      led.cancelServe = this.#options.clock.after(Math.max(1, at - now), () =>
        this.#change(key, (fleet, later) => fleet.serve(later)),
      );
    }
    this.#endIfLeft(this.#leading!);
  }

  /** Ends the handover when the last session has ended. */
  #endIfLeft({ left, agents }: Leading): void {
    if (left === undefined) return;
    if (![...agents.values()].some(({ fleet }) => fleet.hasSessions)) left();
  }

  #pods(): { linked: number; withheld: number } {
    const now = this.#now();
    const all = [...(this.#leading?.agents.values() ?? [])].map(({ fleet }) => fleet.pods(now));
    const linked = all.reduce((sum, each) => sum + each.linked, 0);
    return { linked, withheld: all.reduce((sum, { total }) => sum + total, 0) - linked };
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}

function end({ fleet, cancelHeartbeat, cancelServe }: Led): void {
  fleet.release();
  cancelHeartbeat();
  cancelServe();
}

/** The replicas whose processes have not ended. */
export function fleetPods(pods: readonly Pod[]): FleetPod[] {
  return pods
    .filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed')
    .map(({ metadata, status }) => ({ uid: metadata.uid!, runs: status?.phase === 'Running' }));
}

function registerPods(registry: Registry, pods: () => { linked: number; withheld: number }): void {
  new Gauge({
    name: 'breakwater_fleet_pods',
    help: 'Pods of agents with limits of scope Fleet: linked take tokens from the leader or rest, the share of the others is withheld. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, count] of Object.entries(pods())) this.set({ state }, count);
    },
  });
}
