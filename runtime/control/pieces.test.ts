import { describe, expect, it } from '@jest/globals';
import type { Content, Snapshot } from '../../contract/generated/types.ts';
import { MAX_REPORT_BYTES } from '../../contract/link.ts';
import { parseReport } from '../../contract/validate.ts';
import { Guard } from '../guard/guard.ts';
import { OK } from '../resilience/outcome.ts';
import { Performance } from '../observe/performance.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { circuitOf, content, limitOf } from '../testing/guardFixture.ts';
import { inPieces } from './pieces.ts';
import { incidentsOf, longestResponse } from '../testing/incidents.ts';
import { Reporter } from './report.ts';
import type { ReporterDeps } from './report.ts';

const LOAD = {
  ...{ inFlight: 100_000, queued: 100_000, capacity: 100_000, accepts: true },
  ...{ streams: 100_000, conversations: 1_000_000 },
};
const of = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));
const long = (n: number, length: number): string => String(n).padStart(length, 'x');
const policy = 'p'.repeat(253);

/** As many dependencies and limits as the fields of an agent and its policies allow, with the longest names. */
function largest(): { guard: Guard; reporter: Reporter } {
  const guard = new Guard({ clock: new FakeClock() });
  const endpoints = of(16, (n) => ({
    ...{ name: long(n, 40), provider: 'Anthropic', baseURL: 'http://model.test' },
  }));
  const tools = of(32, (n) => ({ name: long(n, 64) })) as Content['tools'];
  const mcpServers = of(16, (n) => ({ name: long(n, 32) })) as Content['mcpServers'];
  const names = [
    ...endpoints.map(({ name }) => `model/${name}`),
    ...of(32, (n) => `tool/${long(n, 64)}`),
    ...of(16, (n) => `mcp/${long(n, 32)}`),
  ];
  guard.apply(
    content({
      ...{ endpoints, ...(tools && { tools }), ...(mcpServers && { mcpServers }) },
      circuits: names.map((dependency) =>
        circuitOf({ dependency, policy, trip: { consecutiveFailures: 1 } }),
      ),
      limits: of(1_024, (n) =>
        limitOf({ target: names[n % names.length]!, policy, name: long(n, 63) }),
      ),
    }),
  );
  const reporter = new Reporter({
    ...{ guard, credentials: { read: () => undefined } },
    configuration: { status: () => ({ unsupported: [] }), endpoints: [] },
    headerCredentials: () =>
      of(1_040, (n) => ({
        dependency: names[n % names.length],
        credential: { path: 'x', secret: long(n, 253), key: long(n, 253) },
      })),
    missingKeys: () => [],
    missingClientKeys: () => undefined,
    missingConfigMaps: () => [],
    identities: () => [],
    program: () => undefined,
    incidents: incidentsOf(20),
    responses: { version: 0, inForce: () => of(20, () => longestResponse()) },
    load: { current: () => LOAD, changed: () => undefined },
    performance: busiest(),
    checks: {
      statuses: () =>
        of(16, (n) => ({
          ...{ name: long(n, 63), critical: true, state: 'Failing', reason: 'BadStatus' },
          since: '2026-01-01T00:00:00.000Z',
        })),
    },
    auditHead: () => undefined,
    mcpServers: () =>
      of(16, (n) => ({
        ...{ name: long(n, 32), toolsHash: HASH, tools: 256, withheld: true },
        change: {
          before: HASH,
          ...{ added: of(4, (i) => long(i, 64)), removed: of(4, (i) => long(i, 64)) },
          changed: of(4, (i) => long(i, 64)),
        },
      })),
  } as unknown as ReporterDeps);
  use(guard, names);
  return { guard, reporter };
}

/** Durations of all lengths, of more endpoints and tools than are told apart, with errors of many kinds. */
function busiest(): Performance {
  const clock = new FakeClock();
  const performance = new Performance({ now: () => clock.now(), date: () => clock.date() });
  for (const operation of ['request', 'model', 'tool'] as const) {
    for (let n = 0; n < 1000; n += 1) {
      performance.record(
        operation,
        1.03 ** (n - 200),
        { failed: long(n % 6, 64) },
        long(n % 80, 128),
      );
    }
  }
  return performance;
}

/** 64 models are called with success, and each dependency then fails with a long message. */
function use(guard: Guard, names: string[]): void {
  const call = (name: string, model: string | undefined, outcome = OK): void => {
    const answer = guard.dependency(name)!.acquire(model === undefined ? {} : { model });
    if (answer.kind === 'Permit') answer.settle(outcome);
  };
  const failure = {
    vote: 'failure',
    class: 'InvalidResponse',
    message: 'y'.repeat(1_000),
  } as const;
  for (const [n, name] of of(64, (n) => [n, names[n % 16]!] as const)) call(name, long(n, 256));
  for (const [n, name] of of(64, (n) => [n, names[n % 16]!] as const)) {
    call(name, long(n, 256), failure);
  }
  for (const name of names) call(name, undefined, failure);
}

const HASH = `sha256:${'0'.repeat(64)}`;

describe('the largest report of an honest pod', () => {
  it('is sent in pieces that are valid by the contract, without loss', () => {
    const { guard, reporter } = largest();
    const pieces = inPieces(reporter.snapshot());
    const messages = pieces.map((text) => {
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_REPORT_BYTES);
      const parsed = parseReport(JSON.parse(text));
      expect(parsed).toMatchObject({ ok: true });
      return JSON.parse(text) as Snapshot;
    });
    expect(messages[0]!.type).toBe('Snapshot');
    expect(messages[0]!.circuits).toEqual(guard.circuits());
    expect(messages[0]!.circuits.length).toBeGreaterThanOrEqual(64 + 48);
    expect(messages[0]!.circuits.at(-1)?.lastFailure?.message).toHaveLength(256);
    expect(messages[0]!.transitions).toHaveLength(64);
    expect(messages[0]!.missingCredentials).toHaveLength(64);
    expect(messages[0]!.performance!.map(({ subjects }) => subjects?.length)).toEqual([32, 32, 32]);
    expect(messages.flatMap(({ limits }) => limits)).toEqual(guard.limits());
    expect(guard.limits()).toHaveLength(1_024);
  });

  it('leaves out the limits of providers if they do not fit', () => {
    const { reporter } = largest();
    const snapshot = reporter.snapshot();
    for (const circuit of snapshot.circuits) {
      const { class: kind, time } = circuit.lastFailure!;
      circuit.lastFailure = { class: kind, message: '\u0001'.repeat(256), time };
      circuit.reason = '\u0001'.repeat(64);
    }
    const [first] = inPieces(snapshot);
    expect(Buffer.byteLength(first!)).toBeLessThanOrEqual(MAX_REPORT_BYTES);
    expect(parseReport(JSON.parse(first!))).toMatchObject({ ok: true });
  });

  it('contains limits when figures are due, and again only when they have changed', () => {
    const { reporter } = largest();
    expect(reporter.changes('State')?.limits ?? []).toEqual([]);
    expect(reporter.changes()?.limits).toHaveLength(1_024);
    expect(reporter.changes()).toBeUndefined();
  });
});
