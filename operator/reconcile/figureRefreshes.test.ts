import { expect, it } from '@jest/globals';
import { FigureRefreshes } from './figureRefreshes.ts';

const EVERY_MS = 300_000;
const names = Array.from({ length: 1_000 }, (_, n) => `AgentDeployment/ns/agent-${n}`);

it('the figures of an object that change all the time are written once in five minutes', () => {
  const refreshes = new FigureRefreshes();
  const writes: number[] = [];
  for (let now = 0; now <= 3 * EVERY_MS; now += 1_000) {
    if (refreshes.waitMs('a', now) > 0) continue;
    writes.push(now);
    refreshes.forget('a');
  }
  expect(writes).toHaveLength(3);
  expect(writes.map((at, i) => at - writes[0]! - i * EVERY_MS)).toEqual([0, 0, 0]);
});

it('the figures of a thousand objects that change at the same time are written all over the five minutes', () => {
  const refreshes = new FigureRefreshes();
  const perMinute = [0, 0, 0, 0, 0];
  for (const name of names) perMinute[Math.floor(refreshes.waitMs(name, 0) / 60_000)]! += 1;
  for (const count of perMinute) expect(Math.abs(count - 200)).toBeLessThan(60);
});

it('five objects a second are written at most, each at a time of its own', () => {
  const refreshes = new FigureRefreshes(1);
  for (const name of names) refreshes.waitMs(name, 0);
  const waits = names.map((name) => refreshes.waitMs(name, 10));
  expect(waits.slice(0, 4)).toEqual([0, 200, 400, 600]);
  expect(refreshes.waitMs(names[3]!, 609)).toBe(1);
  expect(refreshes.waitMs(names[3]!, 610)).toBe(0);
});

it('an object may be written until that has succeeded', () => {
  const refreshes = new FigureRefreshes(1);
  refreshes.waitMs('a', 0);
  expect([refreshes.waitMs('a', 1), refreshes.waitMs('a', 2)]).toEqual([0, 0]);
  refreshes.forget('a');
  expect(refreshes.waitMs('a', 2)).toBe(1);
});

it.each([
  [1_000, 1_000],
  [5_000, 1_500],
])(
  '%d objects whose figures change all the time take %d writes in five minutes, and never more than six in a second',
  (objects, expected) => {
    const refreshes = new FigureRefreshes();
    const all = Array.from({ length: objects }, (_, n) => `AgentDeployment/ns/agent-${n}`);
    const due = new Map(all.map((name) => [name, refreshes.waitMs(name, 0)]));
    const perSecond: number[] = [];
    for (let now = 0; now < 2 * EVERY_MS; now += 100) {
      const second = Math.floor(now / 1_000);
      perSecond[second] ??= 0;
      for (const name of all) {
        if (due.get(name)! > now) continue;
        if (refreshes.waitMs(name, now) === 0) {
          perSecond[second] += 1;
          refreshes.forget(name);
        }
        due.set(name, now + refreshes.waitMs(name, now));
      }
    }
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(6);
    const last = perSecond.slice(-300).reduce((sum, each) => sum + each, 0);
    expect(Math.abs(last - expected)).toBeLessThanOrEqual(expected * 0.02);
  },
);
