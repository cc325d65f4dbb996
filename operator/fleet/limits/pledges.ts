import { FLEET } from '../../../contract/link.ts';

interface Pod {
  /** Whether its process may run, so that it may take its safe share. */
  runs: boolean;
  from: number;
  until: number;
}

/**
 * Which pods leave their safe share of the limits to the leader, and until when. A pod pledges its share for a while
 * with each answer to the leader. The leader counts the while from the moment at which it sent what is answered, so
 * that it never counts on a share longer than the pod does, however long messages or this process stand still.
 */
export class Pledges {
  private readonly pods = new Map<string, Pod>();
  /** Tokens that another leader granted may be in use until then; the limit is not this leader's before. */
  private since: number;

  constructor(since: number) {
    this.since = since;
  }

  /** All pods have told what they hold: there is nothing to wait for. */
  settle(now: number): void {
    this.since = Math.min(this.since, now);
  }

  /** From when on the limit is this leader's. */
  get startsAt(): number {
    return this.since;
  }

  /**
   * Replaces the pods that there are. One that does not run yet takes nothing, and one that began under this leader
   * (`began`) takes nothing for a while.
   */
  set(pods: ReadonlyMap<string, { runs: boolean }>, began: boolean, now: number): void {
    for (const uid of this.pods.keys()) if (!pods.has(uid)) this.pods.delete(uid);
    for (const [uid, { runs }] of pods) {
      const pod = this.pods.get(uid);
      const until = began ? now + FLEET.pledgeMs : -Infinity;
      if (pod === undefined) this.pods.set(uid, { runs, from: began ? now : 0, until });
      else pod.runs ||= runs;
    }
  }

  /** The pod has answered what was sent at `sentAt`; another leader counts on its share for `otherMs`. */
  pledge(uid: string, sentAt: number, otherMs: number, now: number): void {
    const pod = this.pods.get(uid);
    const until = sentAt + FLEET.pledgeMs;
    if (pod === undefined || until <= now) return;
    pod.runs = true;
    if (pod.until <= now) pod.from = now + otherMs;
    pod.until = Math.max(pod.until, until);
  }

  /** Share of the limit that the leader has at this time, 0 to 1. */
  share(now: number, maxPods: number): number {
    if (now < this.since) return 0;
    if (maxPods === Infinity) return 1;
    let withheld = 0;
    for (const { runs, from, until } of this.pods.values()) {
      if (runs && !(from <= now && now < until)) withheld += 1;
    }
    return Math.max(0, maxPods - withheld) / maxPods;
  }

  /** The same over time: milliseconds of the whole limit. */
  pledged(after: number, to: number, maxPods: number): number {
    const from = Math.max(after, this.since);
    const ms = to - from;
    if (ms <= 0) return 0;
    if (maxPods === Infinity) return ms;
    let withheld = 0;
    for (const pod of this.pods.values()) {
      if (pod.runs) withheld += ms - overlap(pod, from, to);
    }
    return Math.max(0, maxPods * ms - withheld) / maxPods;
  }

  isPledged(uid: string, now: number): boolean {
    const pod = this.pods.get(uid);
    return pod !== undefined && pod.from <= now && now < pod.until;
  }
}

function overlap(pod: Pod, from: number, to: number): number {
  return Math.max(0, Math.min(to, pod.until) - Math.max(from, pod.from));
}
