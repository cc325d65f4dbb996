import { FLEET } from '../../../contract/link.ts';
import type { Content, Limit } from '../../../contract/generated/types.ts';
import type {
  FleetContext,
  FleetMessage,
  FleetPod,
  FleetPods,
  FleetService,
  PodChange,
} from '../fleetService.ts';
import { AgentFleet, type FleetFigures } from './agentFleet.ts';

/** Announced by runtimes that take tokens from the leader. */
const FEATURE = 'Limit.Fleet';

/** The limits whose tokens the leader grants. */
export function ledLimits({ limits }: Content): Limit[] {
  return limits.filter(({ fleet }) => fleet?.store === 'Leader');
}

/** The limits of scope Fleet of one agent. */
export class SharedLimits implements FleetService {
  readonly #context: FleetContext;
  readonly #instance: string;
  readonly #fleet: AgentFleet;
  readonly #linked = new Set<string>();
  #pods: FleetPods = () => [];
  #configured = false;
  #heartbeatAt: number;

  /**
   * @param instance name of this process
   * @param onGrant called after each block of tokens that a pod gets
   */
  constructor(context: FleetContext, instance: string, onGrant: () => void) {
    this.#context = context;
    this.#instance = instance;
    this.#fleet = new AgentFleet(
      {
        term: () => context.term(),
        leads: () => context.leads(),
        nextSession: () => context.nextNumber(),
        send: (uid, message) => {
          if (message.type === 'Grant' && message.answer !== true) onGrant();
          context.send(uid, message);
        },
      },
      context.beforeMs,
      this.#now(),
    );
    // A random start spreads the heartbeats of all agents.
    this.#heartbeatAt = this.#now() + context.random() * FLEET.heartbeatMs;
  }

  configure(content: Content): void {
    this.#fleet.setLimits(ledLimits(content), this.#now());
    this.#configured = true;
    this.#link(this.#pods());
  }

  pods(pods: FleetPods, change: PodChange): void {
    this.#pods = pods;
    if (change === 'Counters') return;
    const all = pods();
    this.#fleet.setPods(
      all.map(({ report: { uid }, target: { running = false } }) => ({ uid, runs: running })),
      this.#now(),
    );
    this.#link(all);
  }

  message(uid: string, message: FleetMessage): void {
    if (message.type === 'Fleet') this.#fleet.report(uid, message, this.#now());
  }

  tick(): number {
    const now = this.#now();
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + FLEET.heartbeatMs;
      this.#fleet.heartbeat(now);
    }
    if (now >= this.#fleet.nextAt(now)) this.#fleet.serve(now);
    return Math.min(this.#heartbeatAt, this.#fleet.nextAt(now));
  }

  leave(): void {
    this.#fleet.leave(this.#now());
  }

  get isAwaited(): boolean {
    return this.#fleet.hasSessions;
  }

  end(why: 'Unused' | 'Deposed'): void {
    if (why === 'Unused') this.#fleet.forget();
    else this.#fleet.release();
  }

  figures(): FleetFigures {
    const now = this.#now();
    const { pods, limits } = { pods: this.#fleet.pods(now), limits: this.#fleet.figures(now) };
    return { leader: this.#instance, pods, limits };
  }

  /** Begins a session with each pod that has a new link, and ends those of pods without one. */
  #link(pods: readonly FleetPod[]): void {
    const linked = new Set(pods.flatMap(({ report }) => (report.connected ? report.uid : [])));
    for (const uid of this.#linked) {
      if (linked.has(uid)) continue;
      this.#linked.delete(uid);
      this.#fleet.disconnected(uid);
    }
    if (!this.#configured) return;
    for (const { report } of pods) {
      if (!report.connected || this.#linked.has(report.uid)) continue;
      if (!report.features.includes(FEATURE)) continue;
      this.#linked.add(report.uid);
      this.#fleet.connected(report.uid, this.#now());
    }
  }

  #now(): number {
    return this.#context.clock.monotonic();
  }
}
