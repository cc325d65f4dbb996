import { pino } from 'pino';
import { FLEET } from '../../contract/link.ts';
import type { FleetReport, Limit } from '../../contract/generated/types.ts';
import { parseReport } from '../../contract/validate.ts';
import type { FleetPod } from '../../operator/fleet/fleetService.ts';
import { SharedLimits } from '../../operator/fleet/limits/sharedLimits.ts';
import { ActiveConfiguration } from '../../runtime/control/configuration.ts';
import { Commands } from '../../runtime/control/commands.ts';
import type { ActualCost } from '../../runtime/guard/admission.ts';
import type { Admission } from '../../runtime/guard/permit.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { OK } from '../../runtime/resilience/outcome.ts';
import { content } from '../../runtime/testing/guardFixture.ts';
import type { VirtualTime } from './virtualTime.ts';

/** Tokens that the fleet admitted, or that came back. */
export interface Use {
  at: number;
  /** Negative: tokens that came back. */
  tokens: number;
  pod: string;
}

const log = pino({ level: 'silent' });

/** A pod: the guard of the runtime, and the code that obeys the leader. */
export class ScenePod {
  readonly uid: string;
  readonly guard: Guard;
  readonly commands: Commands;
  /** Links by leader. */
  readonly links = new Map<SceneLeader, SceneLink>();
  alive = true;
  /** Changes the pod's reports, for a pod that lies. */
  lie: (report: FleetReport) => FleetReport = (report) => report;
  asked = 0;
  admitted = 0;
  rejected = 0;
  /** Longest wait of an admitted call. */
  waitedMs = 0;
  readonly #scene: Scene;

  constructor(scene: Scene, uid: string, offset: number) {
    this.uid = uid;
    this.#scene = scene;
    const clock = scene.time.clock(offset);
    this.guard = new Guard({
      clock,
      leader: {
        send: (report) => {
          for (const link of this.links.values()) link.toLeader(report as FleetReport);
        },
      },
    });
    const configuration = new ActiveConfiguration({
      apply: () => undefined,
      date: () => clock.date(),
      onChange: () => undefined,
      onTampered: () => undefined,
      log,
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
      fleet: (command) => this.guard.fleet.apply(command),
      providers: () => undefined,
      date: () => clock.date(),
      log,
    });
    this.apply(scene.limits);
  }

  apply(limits: readonly Limit[]): void {
    this.guard.apply(content({ limits: [...limits] }));
  }

  /** Makes one call. After `holdMs` it has used `used` of its tokens. */
  call(cost = 1, holdMs = 0, used: ActualCost | undefined = undefined): void {
    this.asked += 1;
    const began = this.#scene.time.now;
    const answer = this.guard.inbound.acquire({ cost: { inputTokens: cost, outputTokens: 0 } });
    const take = (admission: Admission): void => {
      if (admission.kind === 'Rejection') {
        this.rejected += 1;
        return;
      }
      this.admitted += 1;
      const { now } = this.#scene.time;
      const tokens = admission.reservation?.needed ?? 0;
      this.waitedMs = Math.max(this.waitedMs, now - began);
      this.#scene.note({ at: now, tokens, pod: this.uid });
      const settle = (): void => {
        const back =
          used === undefined || used === 'Refund' ? 0 : tokens - (used.inputTokens ?? tokens);
        if (back > 0) this.#scene.note({ at: this.#scene.time.now, tokens: -back, pod: this.uid });
        admission.settle(OK, used);
      };
      if (holdMs === 0) settle();
      else this.#scene.time.after(holdMs, settle);
    };
    if (answer.kind === 'Waiting') void answer.admission.then(take);
    else take(answer);
  }

  /** Makes calls at an even rate as long as the pod lives. */
  load(perSecond: number): void {
    const next = (): void => {
      if (!this.alive) return;
      this.call();
      this.#scene.time.after(1000 / perSecond, next);
    };
    this.#scene.time.after(0, next);
  }

  kill(): void {
    this.alive = false;
    this.guard.close();
    for (const link of this.links.values()) link.close();
  }
}

/** One connection between a leader and a pod. Messages arrive late, in their order, or never. */
export class SceneLink {
  open = true;
  readonly #leader: SceneLeader;
  readonly #pod: ScenePod;
  #toPodAt = 0;
  #toLeaderAt = 0;

  constructor(leader: SceneLeader, pod: ScenePod) {
    this.#leader = leader;
    this.#pod = pod;
    pod.links.get(leader)?.close();
    pod.links.set(leader, this);
    this.toPod(JSON.stringify({ type: 'Announce', term: leader.term }));
    leader.run(() => {
      if (this.open) leader.linked(pod.uid, true);
    });
  }

  toPod(text: string): void {
    const { time } = this.#leader.scene;
    this.#toPodAt = Math.max(this.#toPodAt, time.now + this.#leader.scene.delayMs());
    time.after(this.#toPodAt - time.now, () => {
      // A message that was under way when the connection broke may still arrive.
      if (!this.#pod.alive || (!this.open && !this.#leader.scene.late)) return;
      const answer = this.#pod.commands.handle(JSON.parse(text));
      if (answer?.type === 'Fleet') this.toLeader(answer);
    });
  }

  toLeader(report: FleetReport): void {
    if (!this.open) return;
    const { time } = this.#leader.scene;
    const text = JSON.stringify(this.#pod.lie(report));
    this.#toLeaderAt = Math.max(this.#toLeaderAt, time.now + this.#leader.scene.delayMs());
    time.after(this.#toLeaderAt - time.now, () => {
      if (!this.open && !this.#leader.scene.late) return;
      const parsed = parseReport(JSON.parse(text));
      if (!parsed.ok) throw new Error(parsed.message);
      if (parsed.value.type !== 'Fleet') return;
      const { value } = parsed;
      this.#leader.run(() => this.#leader.take(this.#pod.uid, value, this));
    });
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    if (this.#pod.links.get(this.#leader) === this) this.#pod.links.delete(this.#leader);
    this.#leader.run(() => {
      if (!this.#pod.links.has(this.#leader)) this.#leader.linked(this.#pod.uid, false);
    });
  }
}

/** A leader of the fleet: the operator's decisions, its timers, and its links. */
export class SceneLeader {
  readonly scene: Scene;
  readonly term: number;
  readonly fleet: SharedLimits;
  /** Whether it believes that it holds the Lease, or released it recently. */
  leads = true;
  /** False once it was asked to stop. */
  stays = true;
  messages = 0;
  #alive = true;
  #paused: (() => void)[] | undefined;
  #number = 0;
  readonly #linked = new Set<string>();
  #cancelTick: () => void = () => undefined;

  constructor(scene: Scene, term: number, beforeMs: number | undefined) {
    this.scene = scene;
    this.term = term;
    const { time } = scene;
    this.fleet = new SharedLimits(
      {
        ...{ session: `leader-${term}`, beforeMs, random: () => 0 },
        clock: { now: () => time.now, monotonic: () => time.now },
        term: () => term,
        leads: () => this.leads,
        nextNumber: () => (this.#number += 1),
        send: (uid, message) => {
          this.messages += 1;
          scene.pods.get(uid)?.links.get(this)?.toPod(JSON.stringify(message));
        },
        changed: () => undefined,
      },
      `operator-${term}`,
      () => undefined,
    );
    this.#look();
    this.configure(scene.limits);
  }

  configure(limits: readonly Limit[]): void {
    this.run(() => this.fleet.configure(content({ limits: [...limits] })));
  }

  link(pod: ScenePod): void {
    if (pod.alive && this.#alive) new SceneLink(this, pod);
  }

  /** Runs `what` as soon as the process is no longer paused. */
  run(what: () => void): void {
    if (!this.#alive) return;
    if (this.#paused !== undefined) {
      this.#paused.push(what);
      return;
    }
    what();
    this.#tick();
    if (!this.stays && !this.fleet.isAwaited) this.#end();
  }

  take(uid: string, report: FleetReport, link: SceneLink): void {
    if (this.scene.pods.get(uid)?.links.get(this) === link || this.scene.late) {
      this.fleet.message(uid, report);
    }
  }

  linked(uid: string, isLinked: boolean): void {
    if (isLinked) this.#linked.add(uid);
    else this.#linked.delete(uid);
    this.#look();
  }

  podsChanged(): void {
    if (this.stays) this.run(() => this.#look());
  }

  pause(): void {
    this.#paused ??= [];
  }

  resume(): void {
    const waiting = this.#paused ?? [];
    this.#paused = undefined;
    for (const each of waiting) this.run(each);
  }

  /**
   * Ends the leader. After SIGTERM it continues until it has no sessions, or for a limited time. After SIGKILL it does
   * nothing.
   */
  stop(how: 'SIGTERM' | 'SIGKILL'): void {
    if (how === 'SIGKILL') return this.#end();
    this.stays = false;
    this.scene.time.after(FLEET.leavingMs, () => {
      this.leads = false;
      this.run(() => this.fleet.end('Deposed'));
      this.#end();
    });
    this.run(() => this.fleet.leave());
  }

  #end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#cancelTick();
    for (const pod of this.scene.pods.values()) {
      const link = pod.links.get(this);
      // Earlier messages arrive.
      this.scene.time.after(this.scene.delayMs() + 10, () => link?.close());
    }
  }

  #look(): void {
    const pods = [...this.scene.pods.keys()].map((uid): FleetPod => {
      const report = { uid, pod: uid, connected: this.#linked.has(uid), features: ['Limit.Fleet'] };
      return { report, target: { name: uid, running: true } };
    });
    this.fleet.pods(() => pods, 'State');
  }

  #tick(): void {
    const { time } = this.scene;
    this.#cancelTick();
    const at = this.fleet.tick();
    if (!this.#alive) return;
    this.#cancelTick = time.after(Math.max(1, at - time.now), () => this.run(() => undefined));
  }
}

export interface SceneOptions {
  limits: readonly Limit[];
  pods: number;
  delayMs?: () => number;
}

/** Pods and leaders of one agent in virtual time, with the code of both sides. */
export class Scene {
  readonly time: VirtualTime;
  readonly pods = new Map<string, ScenePod>();
  readonly leaders: SceneLeader[] = [];
  readonly uses: Use[] = [];
  limits: readonly Limit[];
  delayMs: () => number;
  /** Whether messages of broken connections arrive. */
  late = false;
  #names = 0;
  #term = 0;

  constructor(time: VirtualTime, { limits, pods, delayMs = () => 1 }: SceneOptions) {
    this.time = time;
    this.limits = limits;
    this.delayMs = delayMs;
    for (let i = 0; i < pods; i += 1) this.addPod();
  }

  get all(): ScenePod[] {
    return [...this.pods.values()];
  }

  note(use: Use): void {
    this.uses.push(use);
  }

  addPod(): ScenePod {
    const pod = new ScenePod(this, `pod-${(this.#names += 1)}`, this.#names * 977.3);
    this.pods.set(pod.uid, pod);
    for (const leader of this.leaders) leader.podsChanged();
    return pod;
  }

  /** Starts the container again in the same pod. */
  restartPod(pod: ScenePod): ScenePod {
    pod.kill();
    const next = new ScenePod(this, pod.uid, (this.#names += 1) * 977.3);
    this.pods.set(pod.uid, next);
    return next;
  }

  removePod(pod: ScenePod): void {
    pod.kill();
    this.pods.delete(pod.uid);
    for (const leader of this.leaders) leader.podsChanged();
  }

  /** Another leader takes over and dials pods, by default all of them. */
  elect(before = true, dialled = this.all): SceneLeader {
    const leaves = this.leaders.some(({ leads, stays }) => leads && !stays);
    const beforeMs = leaves ? FLEET.leavingMs : 0;
    const leader = new SceneLeader(this, (this.#term += 1), before ? beforeMs : undefined);
    this.leaders.push(leader);
    for (const pod of dialled) leader.link(pod);
    return leader;
  }

  /** Puts other limits in force: for the leaders at once, for each pod after a delay. */
  reload(limits: readonly Limit[], delayMs: () => number): void {
    this.limits = limits;
    for (const leader of this.leaders) {
      leader.configure(limits);
    }
    for (const pod of this.all) this.time.after(delayMs(), () => pod.alive && pod.apply(limits));
  }
}

/**
 * The most by which the fleet exceeded a limit: the debt of one central bucket from which all admitted tokens are
 * taken. 0 if no window admitted more than capacity + rate × time.
 */
export function overrun(
  uses: readonly Use[],
  { refill, capacity }: Pick<Limit, 'refill' | 'capacity'>,
): number {
  let level = capacity;
  let before = 0;
  let worst = 0;
  for (const { at, tokens } of uses) {
    level = Math.min(capacity, level + ((at - before) * refill.amount) / refill.perMs);
    before = at;
    level = Math.min(capacity, level - tokens);
    worst = Math.max(worst, -level);
  }
  return worst;
}
