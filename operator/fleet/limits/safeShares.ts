import { FLEET } from '../../../contract/link.ts';

interface Pod {
  /** Whether its process may run, and so may take its safe share. */
  runs: boolean;
  from: number;
  until: number;
}

/**
 * Which pods leave their safe share of the limits to the leader, and until when. With each answer to the leader a pod
 * lends it its share for FLEET.pledgeMs. The leader counts this time from when it sent the message that the pod answers.
 * So it never uses a share longer than the pod lends it, even if messages or this process are delayed.
 */
export class SafeShares {
  readonly #pods = new Map<string, Pod>();
  /** Until this time tokens of a former leader may be in use, so this leader grants nothing. */
  #since: number;
  /** Pods that have been asked for their share and have not answered. */
  readonly #asked = new Set<string>();
  #askedUntil = -Infinity;

  constructor(since: number) {
    this.#since = since;
  }

  /** All pods have reported what they hold, so the leader may grant from now on. */
  settle(now: number): void {
    this.#since = Math.min(this.#since, now);
  }

  /** From when on the limit is this leader's. */
  get startsAt(): number {
    return this.#since;
  }

  /**
   * Replaces the set of pods. A pod that does not run yet takes nothing. A pod that started under this leader (`began`)
   * takes no safe share for FLEET.pledgeMs.
   */
  set(pods: ReadonlyMap<string, { runs: boolean }>, began: boolean, now: number): void {
    for (const uid of this.#pods.keys()) if (!pods.has(uid)) this.#pods.delete(uid);
    for (const [uid, { runs }] of pods) {
      const pod = this.#pods.get(uid);
      const until = began ? now + FLEET.pledgeMs : -Infinity;
      if (pod === undefined) this.#pods.set(uid, { runs, from: began ? now : 0, until });
      else pod.runs ||= runs;
    }
  }

  /** The pod answered a message sent at `sentAt`. A former leader relies on the pod's share for another `otherMs`. */
  lend(uid: string, sentAt: number, otherMs: number, now: number): void {
    const pod = this.#pods.get(uid);
    const until = sentAt + FLEET.pledgeMs;
    if (pod === undefined || until <= now) return;
    pod.runs = true;
    this.#asked.delete(uid);
    if (pod.until <= now) pod.from = now + otherMs;
    pod.until = Math.max(pod.until, until);
  }

  /** The leader leaves the pod its share. */
  end(uid: string, now: number): void {
    const pod = this.#pods.get(uid);
    if (pod !== undefined) pod.until = Math.min(pod.until, now);
  }

  /** The leader asks pods for their shares, and waits for FLEET.heartbeatMs at most. */
  ask(uids: Iterable<string>, now: number): void {
    this.#asked.clear();
    for (const uid of uids) this.#asked.add(uid);
    this.#askedUntil = now + FLEET.heartbeatMs;
  }

  /** Whether shares may come that the leader has asked for. */
  isAsking(now: number): boolean {
    return this.#asked.size > 0 && now < this.#askedUntil;
  }

  /** For how long the pod may have used its share; 0 if the leader has it. */
  withheldMs(uid: string, now: number): number {
    const until = this.#pods.get(uid)?.until ?? now;
    return this.isLent(uid, now) ? 0 : Math.max(0, now - until);
  }

  /** The leader's share of the limit at this time, 0 to 1. */
  share(now: number, maxPods: number): number {
    if (now < this.#since) return 0;
    if (maxPods === Infinity) return 1;
    let withheld = 0;
    for (const { runs, from, until } of this.#pods.values()) {
      if (runs && !(from <= now && now < until)) withheld += 1;
    }
    return Math.max(0, maxPods - withheld) / maxPods;
  }

  /** The leader's share, integrated over the time: milliseconds of the whole limit. */
  lentMs(after: number, to: number, maxPods: number): number {
    const from = Math.max(after, this.#since);
    const ms = to - from;
    if (ms <= 0) return 0;
    if (maxPods === Infinity) return ms;
    let withheld = 0;
    for (const pod of this.#pods.values()) {
      if (pod.runs) withheld += ms - overlap(pod, from, to);
    }
    return Math.max(0, maxPods * ms - withheld) / maxPods;
  }

  isLent(uid: string, now: number): boolean {
    const pod = this.#pods.get(uid);
    return pod !== undefined && pod.from <= now && now < pod.until;
  }
}

function overlap(pod: Pod, from: number, to: number): number {
  return Math.max(0, Math.min(to, pod.until) - Math.max(from, pod.from));
}
