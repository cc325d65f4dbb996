import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ApiError } from './errors.ts';
import { EventRecorder } from './events.ts';
import type { EventInput } from './events.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import type { Event } from './types.ts';

const opened: EventInput = {
  regarding: { kind: 'CircuitBreakerPolicy', namespace: 'ns', name: 'triage', uid: 'u' },
  type: 'Warning',
  reason: 'CircuitOpened',
  action: 'Open',
  note: 'model/primary opened in 3 of 3 pods',
};

describe('EventRecorder', () => {
  let clock: FakeClock;
  let recorder: EventRecorder;
  let created: Event[];
  let patches: { name: string; patch: object }[];
  let logs: string[];
  let fail: Error | undefined;
  /** The event was removed from the server. */
  let gone: boolean;
  let stop: AbortController;

  beforeEach(() => {
    clock = new FakeClock();
    stop = new AbortController();
    [created, patches, logs, fail, gone] = [[], [], [], undefined, false];
    const outcome = <R>(result: R): Promise<R> =>
      fail ? Promise.reject(fail) : Promise.resolve(result);
    const client = {
      create: (_resource: unknown, event: Event) => outcome(event).then((e) => created.push(e)),
      mergePatch: (_resource: unknown, _namespace: string, name: string, patch: object) =>
        gone
          ? Promise.reject(new ApiError(404, 'not found'))
          : outcome({ name, patch }).then((p) => patches.push(p)),
    };
    recorder = new EventRecorder({
      client: client as never,
      reportingController: 'breakwater.dev/operator',
      reportingInstance: 'operator-0',
      logger: pino({}, { write: (line: string) => void logs.push(line) }),
      signal: stop.signal,
      clock,
    });
  });

  it('writes an event with the fields that the API requires', async () => {
    recorder.record(opened);
    await settle();
    expect(created).toHaveLength(1);
    expect(created[0]).toMatchObject({
      type: 'Warning',
      reason: 'CircuitOpened',
      action: 'Open',
      reportingController: 'breakwater.dev/operator',
      reportingInstance: 'operator-0',
      eventTime: '2026-01-01T00:00:00.000000Z',
      regarding: opened.regarding,
    });
    expect(created[0]!.metadata.namespace).toBe('ns');
    expect(created[0]!.metadata.name).toMatch(/^triage\.[0-9a-f]{16}$/);
  });

  it('counts repetitions in one event, with few writes, until a pause', async () => {
    for (let i = 0; i < 10; i++) recorder.record(opened);
    recorder.record({ ...opened, note: 'model/primary closed' });
    await clock.advance(29_000);
    expect([created.length, patches.length]).toEqual([2, 0]);
    await clock.advance(1_000);
    const { name } = created[0]!.metadata;
    const series = { count: 10, lastObservedTime: '2026-01-01T00:00:00.000000Z' };
    expect(patches).toEqual([{ name, patch: { series } }]);
    await clock.advance(400_000);
    recorder.record(opened);
    await settle();
    expect(created).toHaveLength(3);
  });

  it('bounds the new events of an object, and lets the first of each reason through', async () => {
    const other = { ...opened, regarding: { ...opened.regarding, name: 'other', uid: 'v' } };
    for (let i = 0; i < 237; i += 1) {
      recorder.record({ ...opened, note: `tool/made-up-${i} opened` });
      await clock.advance(25);
    }
    expect(created.length).toBeLessThanOrEqual(26);
    recorder.record({ ...opened, reason: 'ObjectContested' });
    recorder.record(other);
    await settle();
    const last = created.slice(-2).map(({ reason, regarding }) => [reason, regarding!.name]);
    expect(last).toEqual([
      ['ObjectContested', 'triage'],
      ['CircuitOpened', 'other'],
    ]);
    expect(logs.filter((line) => line.includes('dropped'))).toHaveLength(1);
    const before = created.length;
    await clock.advance(600_000);
    for (let i = 0; i < 10; i += 1) recorder.record({ ...opened, note: `opened again ${i}` });
    await settle();
    expect(created.length - before).toBe(10);
  });

  it('keeps counting after the clock was stepped back', async () => {
    recorder.record(opened);
    await settle();
    clock.step(-86_400_000);
    recorder.record(opened);
    await clock.advance(30_000);
    expect(patches).toMatchObject([{ patch: { series: { count: 2 } } }]);
  });

  it('starts a new event when the old one is gone', async () => {
    recorder.record(opened);
    await settle();
    recorder.record(opened);
    gone = true;
    await clock.advance(30_000);
    const [first, second] = created;
    expect(created).toHaveLength(2);
    expect(second!.metadata.name).not.toBe(first!.metadata.name);
    expect(second!.series!.count).toBe(2);

    gone = false;
    recorder.record(opened);
    await clock.advance(30_000);
    expect(patches).toMatchObject([
      { name: second!.metadata.name, patch: { series: { count: 3 } } },
    ]);
  });

  it('logs a failed write, throws nothing, and retries with the next event', async () => {
    fail = new Error('no answer');
    recorder.record(opened);
    await settle();
    expect(logs.join()).toContain('Event could not be written');
    fail = undefined;
    recorder.record(opened);
    await clock.advance(30_000);
    expect(created[0]!.series!.count).toBe(2);
  });

  it('writes nothing after it is closed, and leaves no timer', async () => {
    recorder.record(opened);
    await settle();
    recorder.record(opened);
    stop.abort();
    recorder.record({ ...opened, reason: 'CircuitClosed' });
    await settle();
    expect([created.length, patches.length, clock.pending]).toEqual([1, 0, 0]);
  });

  it('cuts a note at 1,024 bytes, between characters', async () => {
    recorder.record({ ...opened, note: 'é'.repeat(2_000) });
    await settle();
    const note = created[0]!.note!;
    expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1024);
    expect(note).toMatch(/^é+…$/);
  });
});
