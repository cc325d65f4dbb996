/** The faults that `make bench-harm` plays. Times are in milliseconds since the fault began. */
import type { Ask, AnswerReply, Reply, Script } from './provider.ts';

export interface Setting {
  /** Requests per second of the clients. */
  rate: number;
  /** From 0 up to but not 1. */
  random: () => number;
}

export interface Scenario {
  name: string;
  /** Behaviour of the endpoint from the beginning of the fault. */
  primary: (setting: Setting) => Script;
  /** Behaviour of the fallback. Absent: healthy. */
  fallback?: (setting: Setting) => Script;
  /** With a fallback, the clients without us ask that one. The default is the primary. */
  directTo?: 'fallback';
  /** Also played to pods without a healthy past. */
  fresh?: boolean;
  /** Requests per second where those of all others would be more at once than a pod takes by default. */
  rate?: number;
  /** How a request differs from a plain one. `now` as in Script. */
  ask?: (setting: Setting) => (now: number) => Kind;
  /** Whether requests of a kind count. Default: all. */
  counts?: (ask: Ask) => boolean;
  /** Timeout of the clients; absent: the SDK's. */
  timeoutMs?: number;
}

/** A kind of request. Half of the plain ones are streamed. */
export type Kind = 'Plain' | 'Streamed' | 'Unstreamed' | 'Giant' | 'OtherModel' | 'Stalled';

export const FAULT_MS = 600_000;

/** Tokens of a request by its kind. */
export const TOKENS = { plain: 500, giant: 200_000 };
export const OTHER_MODEL = 'claude-other';

const HEALTHY: AnswerReply = { kind: 'Answer', firstTokenMs: 500, totalMs: 1500 };
export const healthy: Script = () => HEALTHY;

const error = (status: number, type: string, headers?: Record<string, string>): Reply => ({
  ...{ kind: 'Error', status, type },
  ...(headers && { headers }),
});
const DOWN = error(500, 'api_error');
const OVERLOADED = error(529, 'overloaded_error');
const RESET: Reply = { kind: 'Reset', afterMs: 50 };

/** The kinds of failures that come at random. */
const RANDOM: Record<string, Reply> = {
  '401': error(401, 'authentication_error'),
  '429': error(429, 'rate_limit_error'),
  '429 with a time': error(429, 'rate_limit_error', { 'retry-after': '2' }),
  '500': DOWN,
  '529': OVERLOADED,
  reset: RESET,
};
const PERCENT = [1, 2, 5, 10, 20, 30, 40, 60];

/** Serves at most so many requests in each second of virtual time, and answers 529 beyond. */
function bounded(capacity: (now: number) => number, beyond: Reply = OVERLOADED): Script {
  let second = -1;
  let taken = 0;
  return (_ask, now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) taken = 0;
    second = current;
    taken += 1;
    return taken > capacity(now) ? beyond : HEALTHY;
  };
}

const OUTAGE_MS = 120_000;
const GROWTH_MS = 60_000;

/** Down for two minutes; then a fifth of twice the load, which grows to all of it in a minute. */
function outage({ rate }: Setting): Script {
  const recovering = bounded((now) => {
    const share = Math.min(1, 0.2 + (0.8 * (now - OUTAGE_MS)) / GROWTH_MS);
    return Math.floor(2 * rate * share);
  });
  return (ask, now) => (now < OUTAGE_MS ? DOWN : recovering(ask, now));
}

const half = ({ rate }: Setting): Script => bounded(() => Math.floor(rate / 2));

const at = (now: number, from: number, to: number): number => from + ((to - from) * now) / FAULT_MS;

/** A bucket of tokens, as a provider states it in its headers. */
function tokenBucket({ rate }: Setting): Script {
  const perMinute = rate * 60 * TOKENS.plain + 100_000;
  let level = perMinute;
  let last = 0;
  return ({ tokens }, now) => {
    level = Math.min(perMinute, level + (Math.max(0, now - last) * perMinute) / 60_000);
    last = Math.max(last, now);
    if (level >= tokens) {
      level -= tokens;
      return HEALTHY;
    }
    const waitMs = ((tokens - level) * 60_000) / perMinute;
    return error(429, 'rate_limit_error', {
      'retry-after': String(Math.ceil(waitMs / 1000)),
      'anthropic-ratelimit-input-tokens-limit': String(perMinute),
      'anthropic-ratelimit-input-tokens-remaining': String(Math.floor(level / 1000) * 1000),
    });
  };
}

const share = (part: number, of: Kind, rest: Kind): NonNullable<Scenario['ask']> => {
  return ({ random }) =>
    () =>
      random() < part ? of : rest;
};

const RANDOM_SCENARIOS: Scenario[] = Object.entries(RANDOM).flatMap(([kind, reply]) =>
  PERCENT.map((percent) => ({
    name: `${percent} % ${kind}`,
    fresh: true,
    primary:
      ({ random }: Setting): Script =>
      () =>
        random() < percent / 100 ? reply : HEALTHY,
  })),
);

export const SCENARIOS: Scenario[] = [
  { name: 'outage', primary: outage },
  { name: 'half the load', primary: half },
  {
    name: 'half the load at the fallback',
    primary: () => () => DOWN,
    fallback: half,
    directTo: 'fallback',
  },
  {
    name: 'flapping 5 s',
    primary: () => (_ask, now) => (Math.floor(now / 5000) % 2 === 0 ? DOWN : HEALTHY),
  },
  {
    name: 'slow first tokens that grow',
    rate: 2,
    timeoutMs: 60_000,
    ask: () => () => 'Streamed',
    primary: () => (_ask, now) => {
      const firstTokenMs = at(now, 500, 40_000);
      return { kind: 'Answer', firstTokenMs, totalMs: firstTokenMs + 2000 };
    },
  },
  {
    name: 'unstreamed answers of 10 to 280 s',
    rate: 0.5,
    ask: () => () => 'Unstreamed',
    primary:
      ({ random }) =>
      () => {
        const totalMs = 10_000 + random() * 270_000;
        return { kind: 'Answer', firstTokenMs: totalMs, totalMs };
      },
  },
  {
    name: 'thinking with pings only',
    rate: 0.5,
    ask: () => () => 'Streamed',
    primary:
      ({ random }) =>
      () => {
        const silentMs = 30_000 + random() * 150_000;
        return { kind: 'Answer', firstTokenMs: 500, silentMs, totalMs: silentMs + 4000 };
      },
  },
  {
    name: 'errors after message_start',
    ask: () => () => 'Streamed',
    primary:
      ({ random }) =>
      () =>
        random() < 0.2 ? { ...HEALTHY, errorAfterStart: 'overloaded_error' } : HEALTHY,
  },
  {
    name: 'giant requests among small ones',
    primary: tokenBucket,
    ask: (setting) => share(1 / (30 * setting.rate), 'Giant', 'Plain')(setting),
  },
  {
    name: 'one bad model',
    fresh: true,
    ask: share(0.25, 'OtherModel', 'Plain'),
    primary:
      () =>
      ({ model }) =>
        model === OTHER_MODEL ? DOWN : HEALTHY,
  },
  {
    name: 'stalled readers',
    ask: (setting) => share(0.5 / setting.rate, 'Stalled', 'Plain')(setting),
    counts: ({ reads }) => reads,
    primary:
      () =>
      ({ reads }) =>
        reads ? HEALTHY : { kind: 'Answer', firstTokenMs: 500, totalMs: 2 * FAULT_MS },
  },
  ...RANDOM_SCENARIOS,
];
