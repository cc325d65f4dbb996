import { setImmediate } from 'node:timers/promises';
import { VirtualTime } from '../../fleet/virtualTime.ts';
import { SdkClient } from './client.ts';
import type { Carrier } from './client.ts';
import { contentFor, podCarrier } from './pod.ts';
import { Provider } from './provider.ts';
import type { Ask, Script, Timeline } from './provider.ts';
import { randomOf } from './random.ts';
import { FAULT_MS, OTHER_MODEL, TOKENS, healthy } from './scenarios.ts';
import type { Kind, Scenario, Setting } from './scenarios.ts';

export interface Variant {
  /** Requests per second. */
  rate: number;
  fallback: boolean;
  /** Whether the pod has no healthy past. */
  fresh: boolean;
}

/** What became of the requests that began during the fault. */
export interface Played {
  asked: number;
  served: number;
  /** Requests that reached a provider. */
  calls: number;
}

/** Health before a fault. */
export const HEALTH_MS = 30_000;
/** Until the last answer has come. */
const REST_MS = 2_400_000;

const body = (model: string, rest: object, characters = 2000): Buffer =>
  Buffer.from(
    JSON.stringify({
      ...{ model, max_tokens: 1024, ...rest },
      messages: [{ role: 'user', content: 'w'.repeat(characters) }],
    }),
  );
const ask = (model: string, stream: boolean, tokens = TOKENS.plain): Ask => ({
  ...{ model, stream, tokens, reads: true },
  body: body(model, { stream }, tokens * 4),
});
const MODEL = 'claude-test';

/** Requests by kind. Each pod gets bodies of its own. */
function asks(): Record<Kind, [Ask, Ask]> {
  const unstreamed = ask(MODEL, false);
  const streamed = ask(MODEL, true);
  const twice = (each: Ask): [Ask, Ask] => [each, each];
  return {
    Plain: [unstreamed, streamed],
    Streamed: twice(streamed),
    Unstreamed: twice(unstreamed),
    Giant: twice(ask(MODEL, false, TOKENS.giant)),
    OtherModel: [ask(OTHER_MODEL, false), ask(OTHER_MODEL, true)],
    Stalled: twice({ ...ask(MODEL, true), reads: false }),
  };
}

export interface Clients {
  time: Timeline;
  client: SdkClient;
  /** When the fault begins. */
  faultAt: number;
  rate: number;
  seed: number;
}

/** Makes the requests of a scenario until its fault ends, at random intervals, and counts them. */
export function request(
  scenario: Scenario,
  { time, client, faultAt, rate, seed }: Clients,
  played: Played,
): void {
  const arrivals = randomOf(seed * 16 + 5);
  const kinds = asks();
  const kindAt = scenario.ask?.({ rate, random: randomOf(seed * 16 + 6) }) ?? ((): Kind => 'Plain');
  const arrive = (): void => {
    const now = time.now - faultAt;
    if (now >= FAULT_MS) return;
    const asked = kinds[kindAt(now)][arrivals() < 0.5 ? 0 : 1];
    const counted = now >= 0 && (scenario.counts?.(asked) ?? true);
    if (counted) played.asked += 1;
    client.ask(asked, (served) => {
      if (counted && served) played.served += 1;
    });
    time.after((-Math.log(1 - arrivals()) * 1000) / rate, arrive);
  };
  time.after(0, arrive);
}

/** The endpoint and the fallback of a scenario. They are healthy until the fault begins. */
export function providersOf(
  scenario: Scenario,
  { time, faultAt, rate, seed }: Omit<Clients, 'client'>,
): Record<'primary' | 'fallback', Provider> {
  const setting = (offset: number): Setting => ({
    ...{ rate, random: randomOf(seed * 16 + offset) },
  });
  const provider = (script: Script): Provider =>
    new Provider(time, faultAt, (asked, now) => (now < 0 ? healthy : script)(asked, now));
  return {
    primary: provider(scenario.primary(setting(1))),
    fallback: provider(scenario.fallback?.(setting(2)) ?? healthy),
  };
}

/** Plays one scenario to one pod, or to clients without one. Equal seeds give equal requests. */
export async function play(
  scenario: Scenario,
  system: 'Direct' | 'Through',
  { rate, fallback, fresh }: Variant,
  seed: number,
): Promise<Played> {
  const faultAt = fresh ? 0 : HEALTH_MS;
  const time = new VirtualTime(() => setImmediate());
  const providers = providersOf(scenario, { time, faultAt, rate, seed });
  const random = randomOf(seed * 16 + 3);
  const direct = providers[(fallback && scenario.directTo) || 'primary'];
  const carrier: Carrier =
    system === 'Direct'
      ? (asked, _retries, listener) => direct.serve(asked, listener)
      : podCarrier({
          ...{ clock: time.clock(seed * 1000), providers, seed: `pod-${seed}` },
          content: contentFor(fallback ? ['primary', 'fallback'] : ['primary']),
          random: randomOf(seed * 16 + 4),
        });
  const client = new SdkClient(time, carrier, random, scenario.timeoutMs);
  const played: Played = { asked: 0, served: 0, calls: 0 };
  request(scenario, { time, client, faultAt, rate, seed }, played);
  await time.pass(faultAt + FAULT_MS + REST_MS);
  played.calls = providers.primary.calls + providers.fallback.calls;
  return played;
}
