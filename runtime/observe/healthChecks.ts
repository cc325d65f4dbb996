import type { HealthCheckStatus } from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';
import type { CheckSpec, Probe, ProbeFailure } from './probe.ts';

export interface HealthChecksDeps {
  clock: Pick<Clock, 'now' | 'date' | 'setTimer'>;
  probe: Probe;
  /** A check started to pass or to fail. */
  onChange: (status: HealthCheckStatus) => void;
}

/** Figures of one check, for metrics. */
export interface CheckStats {
  name: string;
  /** Absent before the first result. */
  passing?: boolean;
  /** Duration of the last run, in seconds. */
  lastSeconds?: number;
  passed: number;
  failed: Partial<Record<ProbeFailure, number>>;
}

/** Runs the health checks of an agent's spec beside the requests, each with its own deadline. */
export class HealthChecks {
  readonly #deps: HealthChecksDeps;
  /** By name. */
  #checks = new Map<string, Check>();

  constructor(deps: HealthChecksDeps) {
    this.#deps = deps;
  }

  /** Applies a configuration. A check keeps its state while its target stays the same. */
  apply(specs: readonly CheckSpec[] = []): void {
    const before = this.#checks;
    this.#checks = new Map();
    for (const spec of specs) {
      const known = before.get(spec.name);
      const check = known?.checksSame(spec) === true ? known : new Check(spec, this.#deps);
      if (check === known) before.delete(spec.name);
      this.#checks.set(spec.name, check);
      check.apply(spec);
    }
    for (const check of before.values()) check.close();
  }

  statuses(): HealthCheckStatus[] {
    return Array.from(this.#checks.values(), (check) => check.status());
  }

  stats(): CheckStats[] {
    return Array.from(this.#checks.values(), (check) => check.stats());
  }

  /** Whether a critical check fails. */
  get critical(): boolean {
    return this.statuses().some(({ critical, state }) => critical && state === 'Failing');
  }

  close(): void {
    for (const check of this.#checks.values()) check.close();
  }
}

class Check {
  readonly #deps: HealthChecksDeps;
  #spec: CheckSpec;
  #state: HealthCheckStatus['state'] = 'Unknown';
  #reason: ProbeFailure | undefined;
  #since: string;
  #failuresInARow = 0;
  #lastSeconds: number | undefined;
  #passed = 0;
  readonly #failed = new Map<ProbeFailure, number>();
  #cancelNext: (() => void) | undefined;
  #underWay: AbortController | undefined;
  #closed = false;

  constructor(spec: CheckSpec, deps: HealthChecksDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#since = deps.clock.date().toISOString();
  }

  checksSame(spec: CheckSpec): boolean {
    return targetOf(spec) === targetOf(this.#spec);
  }

  /** Applies figures. Runs at once if it never did or must run more often. */
  apply(spec: CheckSpec): void {
    const sooner = spec.intervalMs < this.#spec.intervalMs;
    this.#spec = spec;
    if (this.#underWay || (this.#cancelNext && !sooner)) return;
    this.#cancelNext?.();
    void this.#run();
  }

  status(): HealthCheckStatus {
    const { name, critical } = this.#spec;
    const reason = this.#state === 'Failing' ? this.#reason : undefined;
    return {
      ...{ name, critical, state: this.#state, since: this.#since },
      ...(reason !== undefined && { reason }),
    };
  }

  stats(): CheckStats {
    return {
      name: this.#spec.name,
      ...(this.#state !== 'Unknown' && { passing: this.#state === 'Passing' }),
      ...(this.#lastSeconds !== undefined && { lastSeconds: this.#lastSeconds }),
      passed: this.#passed,
      failed: Object.fromEntries(this.#failed),
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelNext?.();
    this.#underWay?.abort();
  }

  async #run(): Promise<void> {
    const { clock, probe } = this.#deps;
    const own = new AbortController();
    this.#underWay = own;
    this.#cancelNext = undefined;
    const began = clock.now();
    const cancel = clock.setTimer(this.#spec.timeoutMs, () => own.abort());
    const failure = await probe(this.#spec, own.signal);
    cancel();
    this.#underWay = undefined;
    if (this.#closed) return;
    this.#lastSeconds = (clock.now() - began) / 1000;
    this.#note(failure);
    this.#cancelNext = clock.setTimer(this.#spec.intervalMs, () => void this.#run());
  }

  #note(failure: ProbeFailure | undefined): void {
    if (failure === undefined) {
      this.#passed += 1;
      this.#failuresInARow = 0;
      this.#become('Passing');
      return;
    }
    this.#failed.set(failure, (this.#failed.get(failure) ?? 0) + 1);
    this.#failuresInARow += 1;
    this.#reason = failure;
    // The first result counts at once: a pod must not serve for long without one.
    const enough = this.#state === 'Unknown' || this.#failuresInARow >= this.#spec.failureThreshold;
    if (enough) this.#become('Failing');
  }

  #become(state: HealthCheckStatus['state']): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#deps.clock.date().toISOString();
    this.#deps.onChange(this.status());
  }
}

function targetOf({ http, tcp }: CheckSpec): string {
  return JSON.stringify([http, tcp]);
}
