import { describe, expect, it } from '@jest/globals';
import { Guard } from '../guard/guard.ts';
import { OK } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { content } from '../testing/guardFixture.ts';
import { incidentsOf } from '../testing/incidents.ts';
import { Reporter } from './report.ts';
import type { ReporterDeps } from './report.ts';

/** A guard with one endpoint, and what reports its circuits. */
class Scene {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });
  auditHead: ReturnType<ReporterDeps['auditHead']>;
  readonly reporter = new Reporter({
    guard: this.guard,
    configuration: { status: () => ({ unsupported: [] }), endpoints: [] },
    headerCredentials: () => [],
    missingKeys: () => [],
    missingClientKeys: () => undefined,
    missingConfigMaps: () => [],
    identities: () => [],
    program: () => undefined,
    incidents: incidentsOf(0),
    responses: { version: 0, inForce: () => [] },
    performance: { report: () => [] },
    checks: { statuses: () => [] },
    load: { current: () => undefined, changed: () => undefined },
    auditHead: () => this.auditHead,
    mcpServers: () => [],
  } as unknown as ReporterDeps);

  constructor() {
    this.guard.apply(content());
  }

  call(model: string, outcome: Outcome = OK): void {
    const answer = this.guard.dependency('model/primary')!.acquire({ model });
    if (answer.kind === 'Permit') answer.settle(outcome);
  }
}

it('a report says when a destination of the audit begins and ceases to take events', () => {
  const scene = new Scene();
  const head = { chain: 'c', sequence: 1, hash: 'a'.repeat(64) };
  scene.auditHead = head;
  expect(scene.reporter.changes()).toMatchObject({ audit: head });
  scene.auditHead = { ...head, undelivered: ['otlp'] };
  expect(scene.reporter.changes()).toMatchObject({ audit: { undelivered: ['otlp'] } });
  expect(scene.reporter.changes()).toBeUndefined();
  scene.auditHead = head;
  expect(scene.reporter.changes()).toMatchObject({ audit: head });
});

describe('the report of circuits', () => {
  it('contains all circuits after one is gone, and otherwise only changed ones', () => {
    const scene = new Scene();
    const { reporter } = scene;
    expect(reporter.changes()).toMatchObject({ type: 'Counters', circuits: [{ state: 'Closed' }] });
    scene.call('opus');
    // The state of all models has become that of one.
    const [told] = [reporter.changes()];
    expect(told).toMatchObject({ type: 'Snapshot', circuits: [{ model: 'opus' }] });
    expect(told?.circuits).toHaveLength(1);
    for (let i = 0; i < 2; i += 1) {
      scene.call('opus', { vote: 'failure', class: 'ServerError', message: 'HTTP 500' });
    }
    expect(reporter.changes('State')).toMatchObject({ circuits: [{ model: 'opus' }] });
    expect(reporter.changes()?.circuits ?? []).toEqual([]);
  });

  it('contains all circuits after one is gone that only a snapshot has shown', () => {
    const scene = new Scene();
    expect(scene.reporter.snapshot().circuits).toHaveLength(1);
    scene.call('opus');
    const told = scene.reporter.changes();
    expect(told).toMatchObject({ type: 'Snapshot', circuits: [{ model: 'opus' }] });
  });

  it('contains all circuits after one is gone that only a transition has shown', () => {
    const scene = new Scene();
    const [circuit] = scene.guard.circuits();
    const transition = { sequence: 1, time: '', dependency: 'model/primary', reason: '' };
    scene.reporter.transition({ ...transition, from: 'Closed', to: 'Open' }, circuit!);
    scene.call('opus');
    expect(scene.reporter.changes()).toMatchObject({ type: 'Snapshot' });
  });

  it('contains a changed circuit that a snapshot has shown to another leader', () => {
    const scene = new Scene();
    scene.call('opus');
    scene.reporter.snapshot();
    expect(scene.reporter.changes()).toMatchObject({ circuits: [{ model: 'opus' }] });
  });

  it('contains a gate that opens after only a snapshot had shown it shut', () => {
    const scene = new Scene();
    scene.call('opus');
    scene.reporter.changes();
    const answer = scene.guard.dependency('model/primary')!.acquire({ model: 'opus' });
    if (answer.kind === 'Permit') answer.refused('SpendLimit', undefined);
    expect(scene.reporter.snapshot().gates).toMatchObject([{ gate: 'SpendLimit' }]);
    scene.guard.useCredential('model/primary', 'another');
    scene.clock.advance(10_000);
    scene.call('opus');
    expect(scene.guard.gates()).toMatchObject([{ gate: 'None' }]);
    expect(scene.reporter.changes()).toMatchObject({ gates: [{ gate: 'None' }] });
  });
});
