import { describe, expect, it } from '@jest/globals';
import { Guard } from '../guard/guard.ts';
import { OK } from '../resilience/outcome.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { content } from '../testing/guardFixture.ts';
import { incidentsOf } from '../testing/incidents.ts';
import { Reporter } from './report.ts';
import type { ReporterDeps } from './report.ts';

describe('the report of circuits', () => {
  it('contains all circuits after one is gone, and otherwise only changed ones', () => {
    const guard = new Guard({ clock: new FakeClock() });
    guard.apply(content());
    const reporter = new Reporter({
      guard,
      configuration: { status: () => ({ unsupported: [] }), endpoints: [] },
      headerCredentials: () => [],
      missingKeys: () => [],
      missingClientKeys: () => undefined,
      missingConfigMaps: () => [],
      incidents: incidentsOf(0),
      responses: { version: 0, inForce: () => [] },
      performance: { report: () => [] },
      checks: { statuses: () => [] },
      load: { current: () => undefined, changed: () => undefined },
      auditHead: () => undefined,
      mcpServers: () => [],
    } as unknown as ReporterDeps);
    const call = (model: string, outcome = OK): void => {
      const answer = guard.dependency('model/primary')!.acquire({ model });
      if (answer.kind === 'Permit') answer.settle(outcome);
    };
    expect(reporter.changes()).toMatchObject({ type: 'Counters', circuits: [{ state: 'Closed' }] });
    call('opus');
    // The state of all models has become that of one.
    const [told] = [reporter.changes()];
    expect(told).toMatchObject({ type: 'Snapshot', circuits: [{ model: 'opus' }] });
    expect(told?.circuits).toHaveLength(1);
    for (let i = 0; i < 2; i += 1) {
      call('opus', { vote: 'failure', class: 'ServerError', message: 'HTTP 500' });
    }
    expect(reporter.changes('State')).toMatchObject({ circuits: [{ model: 'opus' }] });
    expect(reporter.changes()?.circuits ?? []).toEqual([]);
  });
});
