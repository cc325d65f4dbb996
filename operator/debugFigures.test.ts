import { expect, it } from '@jest/globals';
import { parseReport } from '../contract/validate.ts';
import { Reporter, type ReporterDeps } from '../runtime/control/report.ts';
import { ReportPace } from '../runtime/control/reportPace.ts';
import { Guard } from '../runtime/guard/guard.ts';
import { OK } from '../runtime/resilience/outcome.ts';
import { FakeClock } from '../runtime/testing/fakeClock.ts';
import { content, limitOf } from '../runtime/testing/guardFixture.ts';
import { incidentsOf } from '../runtime/testing/incidents.ts';
import { describeAgents } from './debug.ts';
import { afterHello, afterReport, type PodFacts, type PodReport } from './links/report.ts';

const STEP_MS = 100;
/** How often a pod tells what changed. */
const TELL_MS = 1000;
const SHOWN_WITHIN_MS = 5000;

/** A pod: the guard, what it tells, and what the operator knows of it. */
class Pod {
  readonly guard: Guard;
  known: PodReport;
  /** REJECTED at each step. */
  readonly rejected: number[] = [];
  readonly #reporter: Reporter;
  readonly #pace = new ReportPace();

  constructor(name: string, clock: FakeClock) {
    this.guard = new Guard({ clock });
    this.guard.apply(content({ limits: [limitOf({ capacity: 100 })] }));
    this.#reporter = new Reporter({
      ...{
        guard: this.guard,
        configuration: { status: () => ({ unsupported: [] }), endpoints: [] },
      },
      ...{ headerCredentials: () => [], missingKeys: () => [], missingClientKeys: () => undefined },
      ...{ missingConfigMaps: () => [], incidents: incidentsOf(0), mcpServers: () => [] },
      responses: { version: 0, inForce: () => [] },
      performance: { report: () => [] },
      checks: { statuses: () => [] },
      load: { current: () => undefined, changed: () => undefined },
      auditHead: () => undefined,
      identities: () => [],
      program: () => undefined,
    } as unknown as ReporterDeps);
    const pod = { namespace: 'support', name, uid: name };
    const before = { ...pod, agent: 'triage', pod: name, connected: false, incompatible: false };
    this.known = afterHello(
      { ...before, since: '', features: [] },
      {
        contract: 1,
        features: [],
        runtimeVersion: '',
        boot: '1',
        startedAt: '',
        pod,
        highestTerm: 0,
      },
      '',
    );
    this.#hear(this.#reporter.snapshot());
  }

  ask(count: number): void {
    for (let call = 0; call < count; call += 1) {
      const answer = this.guard.inbound.acquire();
      if (answer.kind === 'Permit') answer.settle(OK);
    }
  }

  tell(): void {
    const due = this.#pace.tick();
    if (due === 'Nothing') return;
    const told = due === 'Everything' ? this.#reporter.snapshot() : this.#reporter.changes();
    if (told) this.#hear(told);
  }

  #hear(report: PodFacts): void {
    const text = JSON.stringify(report);
    this.#pace.sent(text.length);
    const parsed = parseReport(JSON.parse(text));
    if (!parsed.ok) throw new Error(parsed.message);
    this.known = afterReport(this.known, parsed.value as PodFacts);
  }
}

it('the operator’s debug page shows USED and REJECTED of each pod within 5 s, and a pod’s metrics at once', () => {
  const clock = new FakeClock();
  const pods = ['a', 'b', 'c'].map((name) => new Pod(name, clock));
  const page = (): { rejected?: Record<string, number>; used?: Record<string, number> }[] =>
    describeAgents(true, [{ key: 'support/triage', pods: pods.map(({ known }) => known) }])
      .agents[0]!.pods;
  const late = SHOWN_WITHIN_MS / STEP_MS;
  for (let step = 0; step < 300; step += 1) {
    pods.forEach((pod, i) => {
      if (step < 200) pod.ask(1 + i);
      pod.rejected.push(pod.guard.limits()[0]!.rejected);
      expect(pod.guard.stats().limits[0]!.rejected).toBe(pod.rejected.at(-1));
      if ((step + 3 * i) % (TELL_MS / STEP_MS) === 0) pod.tell();
    });
    page().forEach((shown, i) => {
      const then = pods[i]!.rejected[step - late] ?? 0;
      expect(shown.rejected?.['inbound requests'] ?? 0).toBeGreaterThanOrEqual(then);
    });
    clock.advance(STEP_MS);
  }
  const limits = pods.map(({ guard }) => guard.limits()[0]!);
  expect(limits[2]!.rejected).toBeGreaterThan(100);
  expect(page().map(({ rejected = {} }) => rejected['inbound requests'] ?? 0)).toEqual(
    limits.map(({ rejected }) => rejected),
  );
  // 10 s after the last request the buckets are full, or nearly so.
  const shown = page().map(({ used = {} }) => used['inbound requests'] ?? 0);
  shown.forEach((used, i) =>
    expect(Math.abs(used - limits[i]!.usedPercent)).toBeLessThanOrEqual(10),
  );
});
