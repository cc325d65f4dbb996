import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import { Heartbeat } from './heartbeat.ts';

let clock: FakeClock;
let pings: number;
let silent: boolean;
beforeEach(() => {
  clock = new FakeClock();
  pings = 0;
  silent = false;
});

function beating(onPing?: (heartbeat: Heartbeat) => void): Heartbeat {
  const heartbeat = new Heartbeat(
    clock,
    { intervalMs: 10_000, silenceMs: 25_000 },
    {
      ping: () => {
        pings += 1;
        onPing?.(heartbeat);
      },
      onSilence: () => (silent = true),
    },
  );
  heartbeat.start(1_000);
  return heartbeat;
}

describe('a heartbeat', () => {
  it('pings at its interval while the peer answers', async () => {
    beating((heartbeat) => heartbeat.heard());
    await clock.advance(100_999);
    expect({ pings, silent }).toEqual({ pings: 10, silent: false });
  });

  it('ends after the silence, once two pings were not answered', async () => {
    beating();
    await clock.advance(24_999);
    expect({ pings, silent }).toEqual({ pings: 3, silent: false });
    await clock.advance(1);
    expect({ pings, silent, pending: clock.pending }).toEqual({
      pings: 3,
      silent: true,
      pending: 0,
    });
  });

  it('leaves no timer when it is stopped', () => {
    beating().stop();
    expect(clock.pending).toBe(0);
  });

  it('leaves no timer when its ping shows that the link has to end', async () => {
    beating((heartbeat) => heartbeat.stop());
    await clock.advance(1_000);
    expect({ pings, pending: clock.pending }).toEqual({ pings: 1, pending: 0 });
  });
});
