import { describe, expect, it } from '@jest/globals';
import fc from '../property.ts';
import { ProviderScene, type ProviderSceneOptions } from './providerScene.ts';
import { VirtualTime } from './virtualTime.ts';

const MINUTES = 2;

interface Load {
  /** Share of the calls that the first pod gets. */
  hot?: number;
  led?: boolean;
}

interface Outcome {
  /** Calls that the provider refused. */
  refused: number;
  /** Calls that the provider refused after the first minute. */
  later: number;
  /** Share of the provider's capacity that was used after the first minute. */
  used: number;
  /** For each pod, the share of its calls that the provider served. */
  served: number[];
}

/** Plays a few minutes with three times as many calls as the provider serves. */
async function overload(
  options: ProviderSceneOptions,
  { hot = 0.9, led = true }: Load = {},
): Promise<Outcome> {
  const time = new VirtualTime();
  const scene = new ProviderScene(time, options);
  if (led) scene.elect();
  const perSecond = (3 * options.perMinute) / 60;
  const cold = (perSecond * (1 - hot)) / (options.pods - 1);
  scene.pods.forEach((pod, i) => pod.loadWith(i === 0 ? perSecond * hot : cold));
  await time.pass(60_000);
  const { refused: early, served } = scene.provider;
  const before = scene.pods.map(({ asked, admitted }) => ({ asked, admitted }));
  await time.pass(MINUTES * 60_000);
  const { refused } = scene.provider;
  return {
    refused,
    later: refused - early,
    used: (scene.provider.served - served) / (options.perMinute * MINUTES),
    served: scene.pods.map(
      ({ asked, admitted }, i) => (admitted - before[i]!.admitted) / (asked - before[i]!.asked),
    ),
  };
}

describe('limits that a provider states', () => {
  it.each([
    [6, 50, 20, 1],
    [6, 600, 700, 30],
    [3, 60, 20, 1],
    [20, 40, 20, 1],
  ])(
    'are shared by %d pods at %d requests a minute, %d ms away from the provider',
    async (pods, perMinute, delay, link) => {
      const options = { pods, perMinute, delayMs: () => delay, linkMs: () => link };
      const skewed = await overload(options);
      expect(skewed.later).toBe(0);
      expect(skewed.used).toBeGreaterThan(0.9);
      // A pod with fewer calls than an equal share gets nearly all of them served. The others share the rest.
      for (const served of skewed.served.slice(1)) expect(served).toBeGreaterThan(0.3);
      expect(skewed.served[0]).toBeGreaterThan(0.2);
      const even = await overload(options, { hot: 1 / pods });
      expect(even.later).toBe(0);
      expect(even.used).toBeGreaterThan(0.8);
      expect(Math.min(...even.served)).toBeGreaterThan(0.15);
      // With maxPods 1, each pod uses the account as if it were alone.
      const apart = await overload({ ...options, maxPods: 1 }, { hot: 1 / pods });
      expect(apart.later).toBeGreaterThan(even.refused + 10);
    },
    30_000,
  );

  it('are kept without a leader: each pod takes its safe share of what is left', async () => {
    const { later, used, served } = await overload(
      { pods: 6, perMinute: 600, delayMs: () => 700 },
      { hot: 1 / 6, led: false },
    );
    expect(later).toBe(0);
    expect(used).toBeGreaterThan(0.4);
    expect(Math.max(...served)).toBeLessThan(2 * Math.min(...served));
  });

  const event = fc.record({
    what: fc.constantFrom('cut', 'link', 'elect', 'depose', 'burst'),
    pod: fc.nat({ max: 7 }),
    ms: fc.integer({ min: 100, max: 20_000 }),
  });
  const scene = fc.record({
    pods: fc.integer({ min: 2, max: 8 }),
    perMinute: fc.constantFrom(20, 60, 300, 900),
    tokens: fc.constantFrom(1, 1500, 20_000),
    times: fc.double({ min: 0.5, max: 4, noNaN: true }),
    hot: fc.double({ min: 0.1, max: 0.95, noNaN: true }),
    delayMs: fc.integer({ min: 1, max: 1000 }),
    linkMs: fc.integer({ min: 1, max: 200 }),
    events: fc.array(event, { maxLength: 8 }),
  });

  it('are exceeded by no more than the requests in flight, whatever happens to links and leaders', async () => {
    await fc.assert(
      fc.asyncProperty(scene, async ({ times, hot, tokens, events, ...given }) => {
        const time = new VirtualTime();
        const { pods, perMinute, delayMs, linkMs } = given;
        let calls = 0;
        const one = new ProviderScene(time, {
          ...{ pods, perMinute: perMinute * tokens, linkMs: () => linkMs },
          resource: tokens === 1 ? 'Requests' : 'InputTokens',
          delayMs: () => 1 + (((calls += 7919) % 997) / 997) * delayMs,
        });
        one.elect();
        const perSecond = (times * perMinute) / 60;
        const cold = (perSecond * (1 - hot)) / (pods - 1);
        one.pods.forEach((pod, i) => pod.loadWith(i === 0 ? perSecond * hot : cold, tokens));
        for (const { what, pod: index, ms } of events) {
          const pod = one.pods[index % pods]!;
          if (what === 'cut') one.link(pod, false);
          else if (what === 'link') one.link(pod, one.leader !== undefined);
          else if (what === 'elect') one.elect();
          else if (what === 'depose') one.depose();
          else for (let i = 0; i < 20; i += 1) pod.call(tokens);
          await time.pass(ms);
        }
        await time.pass(60_000);
        expect(one.provider.refused).toBeLessThanOrEqual(one.sum('most'));
        const minutes = 1 + time.now / 60_000;
        const wanted = Math.min(one.sum('asked') * tokens, one.provider.limit * minutes);
        expect(one.provider.served).toBeGreaterThan(0.4 * wanted);
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});
