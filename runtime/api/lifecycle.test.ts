import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import { Lifecycle } from './lifecycle.ts';
import type { Cut } from '../errors/fault.ts';

const TIMES = { endpointLagMs: 5000, drainTimeoutMs: 60_000, handlerTimeoutMs: 30_000 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setup(): {
  clock: FakeClock;
  lifecycle: Lifecycle;
  phases: string[];
  stop: () => () => boolean;
} {
  const clock = new FakeClock();
  const phases: string[] = [];
  const lifecycle = new Lifecycle({
    clock,
    onPhase: (phase, open) => phases.push(`${phase} ${open}`),
    onHandler: (name, end) => phases.push(`${name} ${end}`),
  });
  const stop = (): (() => boolean) => {
    let done = false;
    void lifecycle.shutdown(TIMES).then(() => (done = true));
    return () => done;
  };
  return { clock, lifecycle, phases, stop };
}

describe('Lifecycle', () => {
  it('accepts requests during the endpoint lag, refuses them during the drain, and ends when idle', async () => {
    const { clock, lifecycle, phases, stop } = setup();
    const leaveFirst = lifecycle.enter(new AbortController())!;
    const done = stop();
    expect(lifecycle.leaving).toBe(true);
    clock.advance(4999);
    const leaveSecond = lifecycle.enter(new AbortController())!;
    expect(leaveSecond).toBeDefined();
    clock.advance(1);
    await turn();
    expect(lifecycle.enter(new AbortController())).toBeUndefined();
    leaveFirst();
    await turn();
    expect(done()).toBe(false);
    leaveSecond();
    await turn();
    expect(done()).toBe(true);
    expect(phases).toEqual(['Leaving 1', 'Draining 2', 'Stopped 0']);
    expect(clock.pending()).toBe(0);
  });

  it('does not wait for Services once the namespace is deleted, and lets open requests finish', async () => {
    const { clock, lifecycle, phases, stop } = setup();
    const leave = lifecycle.enter(new AbortController())!;
    const done = stop();
    clock.advance(1000);
    lifecycle.namespaceDeleted();
    await turn();
    expect(phases).toEqual(['Leaving 1', 'Draining 1']);
    expect(done()).toBe(false);
    leave();
    await turn();
    expect(done()).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it('ends an idle pod at once within a minute after the namespace is deleted, and not later', async () => {
    for (const [ms, ends] of [
      [59_999, true],
      [60_000, false],
    ] as const) {
      const { clock, lifecycle, stop } = setup();
      lifecycle.namespaceDeleted();
      clock.advance(ms);
      const done = stop();
      await turn();
      expect(done()).toBe(ends);
    }
  });

  it('cuts requests when the drain time is over, and gives them time to tell their clients', async () => {
    const { clock, lifecycle, stop } = setup();
    const cut = new AbortController();
    const leave = lifecycle.enter(cut)!;
    const done = stop();
    clock.advance(5000);
    await turn();
    clock.advance(59_999);
    await turn();
    expect(cut.signal.aborted).toBe(false);
    clock.advance(1);
    await turn();
    expect((cut.signal.reason as Cut).why).toBe('Drain');
    expect(done()).toBe(false);
    leave();
    await turn();
    expect(done()).toBe(true);
  });

  it('runs handlers in order, also after one that fails', async () => {
    const { clock, lifecycle, phases, stop } = setup();
    const first = Promise.withResolvers<void>();
    lifecycle.register('first', () => first.promise);
    lifecycle.register('second', () => Promise.reject(new Error('no')));
    lifecycle.register('third', () => Promise.resolve());
    const done = stop();
    clock.advance(5000);
    await turn();
    expect(phases).toEqual(['Leaving 0', 'Draining 0', 'Stopped 0']);
    clock.advance(29_000);
    await turn();
    expect(done()).toBe(false);
    first.resolve();
    await turn();
    expect(phases.slice(3)).toEqual(['first Done', 'second Failed', 'third Done']);
    expect(done()).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it('bounds the time of all handlers together', async () => {
    const { clock, lifecycle, phases, stop } = setup();
    let aborted = false;
    const stuck = (signal: AbortSignal): Promise<void> => {
      signal.addEventListener('abort', () => (aborted = true));
      return Promise.withResolvers<void>().promise;
    };
    lifecycle.register('stuck', stuck);
    lifecycle.register('late', () => Promise.resolve());
    const done = stop();
    clock.advance(5000);
    await turn();
    clock.advance(29_999);
    await turn();
    expect([done(), aborted]).toEqual([false, false]);
    clock.advance(1);
    await turn();
    expect([done(), aborted]).toEqual([true, true]);
    expect(phases.slice(3)).toEqual(['stuck TimedOut', 'late Skipped']);
  });

  it('is not shortened by a second call', async () => {
    const { clock, lifecycle, phases, stop } = setup();
    lifecycle.enter(new AbortController());
    const first = stop();
    clock.advance(1000);
    const second = stop();
    clock.advance(4000);
    await turn();
    expect(lifecycle.phase).toBe('Draining');
    expect([first(), second()]).toEqual([false, false]);
    expect(phases).toEqual(['Leaving 1', 'Draining 1']);
  });
});
