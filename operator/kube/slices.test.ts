import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Controller } from './controller.ts';
import { Slices } from './slices.ts';
import { FakeClock } from '../testing/fakeClock.ts';

describe('reconciles without I/O', () => {
  it('yield to the event loop between slices, however many controllers share them', async () => {
    const clock = new FakeClock();
    const slices = new Slices(clock);
    const registry = new Registry();
    const stop = new AbortController();
    let turns = 0;
    let turnOfLast = 0;
    let longest = 0;
    let inTurn = 0;
    const turned = (): void => {
      turns += 1;
      setImmediate(turned).unref();
    };
    turned();
    let left = 200;
    const reconcile = (): Promise<void> => {
      inTurn = turns === turnOfLast ? inTurn + 1 : 1;
      turnOfLast = turns;
      longest = Math.max(longest, inTurn);
      // A millisecond of computing.
      clock.stall(1);
      left -= 1;
      if (left === 0) stop.abort();
      return Promise.resolve();
    };
    const controllers = ['one', 'two'].map(
      (name) =>
        new Controller({
          ...{ name, reconcile, registry, clock, slices },
          logger: pino({ level: 'silent' }),
          concurrency: 32,
        }),
    );
    for (const controller of controllers) {
      for (let key = 0; key < 100; key++) controller.queue.add(`support/${key}`);
    }
    await Promise.all(controllers.map((controller) => controller.run(stop.signal)));
    expect(longest).toBeLessThanOrEqual(20);
    expect(turns).toBeGreaterThanOrEqual(10);
  });
});
