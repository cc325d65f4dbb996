import type { LeaderLink } from './control/leaderLink.ts';
import type { ControlPort } from './control/controlPort.ts';
import type { KeptState } from './control/keptState.ts';
import type { LoadWatch } from './control/loadWatch.ts';
import type { Reporter } from './control/report.ts';
import type { ReportPace } from './control/reportPace.ts';
import type { Logger } from 'pino';
import type { Events } from './events.ts';

export interface ReportsDeps {
  reporter: Reporter;
  port: Pick<ControlPort, 'broadcast'>;
  leader: Pick<LeaderLink, 'isOpen'>;
  kept: KeptState;
  load: LoadWatch;
  pace: ReportPace;
  log: Logger;
  /** Work of each second. */
  eachTick: () => void;
}

/** Interval between reports of counters, in milliseconds. */
const COUNTERS_MS = 1000;
/** Interval between two saves of the guard's state, in counter ticks. */
const SAVE_TICKS = 5;
/** Interval between checks whether the pod fills up, in milliseconds. */
const LOAD_MS = 100;

/** Tells the operator what changes: events at once, figures each second. */
export class Reports {
  readonly #deps: ReportsDeps;
  #reportedMissing = '[]';
  #ticks = 0;

  constructor(events: Events, deps: ReportsDeps) {
    const { reporter, port, kept, pace } = deps;
    this.#deps = deps;
    events.on('transition', (transition, circuit) => {
      if (pace.mayTellTransition()) port.broadcast(reporter.transition(transition, circuit));
      void kept.save();
    });
    events.on('gate', () => void kept.save());
    events.on('configuration', () => {
      void kept.save();
      this.#reportedMissing = JSON.stringify(reporter.missing());
      port.broadcast(reporter.snapshot());
    });
  }

  /** Starts the reports of each second. Returns a function that stops them. */
  start(): () => void {
    const timers = [
      setInterval(() => this.#tick(), COUNTERS_MS),
      setInterval(() => this.#reportLoad(), LOAD_MS),
    ];
    for (const timer of timers) timer.unref();
    return () => timers.forEach(clearInterval);
  }

  #tick(): void {
    const { eachTick, kept, pace, reporter, port } = this.#deps;
    eachTick();
    this.#ticks += 1;
    if (this.#ticks % SAVE_TICKS === 0) void kept.save();
    this.#reportMissing();
    const due = pace.tick();
    if (due === 'Nothing') return;
    const changes = due === 'Everything' ? reporter.snapshot() : reporter.changes(due);
    if (changes) pace.sent(port.broadcast(changes));
  }

  #reportMissing(): void {
    const { reporter, port, log } = this.#deps;
    const missing = reporter.missing();
    const text = JSON.stringify(missing);
    if (text === this.#reportedMissing) return;
    this.#reportedMissing = text;
    log.warn({ missing }, 'Missing credentials or ConfigMaps changed');
    port.broadcast(reporter.snapshot());
  }

  /** Reports at once that the pod fills up. */
  #reportLoad(): void {
    const { leader, load, pace, port } = this.#deps;
    const fuller = leader.isOpen ? load.withLessRoom() : undefined;
    if (!fuller) return;
    pace.sent(port.broadcast({ type: 'Counters', limits: [], circuits: [], load: fuller }));
  }
}
