/**
 * The sixteen faults of Failover Bench v0.1 (failoverbench/failoverbench, scenarios/catalogue.yaml and METHODOLOGY.md)
 * on the Messages API: what the provider does, and what the bench checks in the client's calls and the provider's log.
 */
import type { Attempt, Script } from './provider.ts';
import { FALLBACK, FALLBACK_WITHOUT_PREFILL, PRIMARY } from './provider.ts';
import type { Call } from './call.ts';

/** What client and provider saw of one fault. */
export interface Seen {
  /** One call, or those of the sequence. `sentAt` is in seconds since the first. */
  calls: (Call & { sentAt: number })[];
  attempts: Attempt[];
  /** Whether a healthy request through the same gateway is answered afterwards. */
  alive: boolean;
}

export interface Check {
  name: string;
  /** A gateway that fails this check is still rescued, but the verdict is partial. */
  advisory?: true;
  /** Skipped for systems without a fallback. */
  needsFallback?: true;
  holds(seen: Seen): boolean;
}

export interface Fault {
  id: string;
  title: string;
  script: Script;
  fallback: string;
  /** The best result for a client. */
  ideal: 'answer' | 'error';
  /** A call that takes longer counts as hanging. */
  maxSeconds: number;
  /** Takes long because a client or the provider waits. */
  long?: true;
  sequence?: { count: number; everySeconds: number };
  checks: Check[];
}

const OUTAGE_SECONDS = 60;
const RETRY_AFTER_SECONDS = 2;
const SILENCE_MS = 120_000;
const STALL_MS = 30_000;
const SLOW_MS = 20_000;

const OVERLOADED = [503, 'overloaded_error', 'The engine is overloaded.'] as const;

function primaries({ attempts }: Seen): Attempt[] {
  return attempts.filter(({ model }) => model === PRIMARY);
}

/** When the attempts at the primary model came, in seconds since the first of them. */
function primarySeconds(seen: Seen): number[] {
  const all = primaries(seen).map(({ seconds }) => seconds);
  return all.map((seconds) => seconds - all[0]!);
}

function fallbacks({ attempts }: Seen): Attempt[] {
  return attempts.filter(({ model }) => model === FALLBACK || model === FALLBACK_WITHOUT_PREFILL);
}

function atMost(attempts: number, advisory?: true): Check {
  return {
    name: `at most ${attempts} attempts at the primary`,
    ...(advisory && { advisory }),
    holds: (seen) => primaries(seen).length <= attempts,
  };
}

function retried(): Check {
  return {
    name: 'tried the primary again',
    advisory: true,
    holds: (seen) => primaries(seen).length >= 2,
  };
}

function atMostWithin(attempts: number, seconds: number): Check {
  return {
    name: `at most ${attempts} attempts at the primary in ${seconds} s`,
    holds: (seen) => primarySeconds(seen).filter((at) => at < seconds).length <= attempts,
  };
}

function within(seconds: number): Check {
  return {
    name: `ended within ${seconds} s`,
    holds: ({ calls }) => calls.every((call) => call.outcome !== 'hang' && call.seconds <= seconds),
  };
}

const ALIVE: Check = { name: 'alive afterwards', holds: ({ alive }) => alive };

const USAGE: Check = {
  name: 'the answer has a usage',
  advisory: true,
  holds: ({ calls }) => calls.every(({ usage }) => usage),
};

/** Calls that were sent while the primary was down. */
function duringOutage({ calls }: Seen): Seen['calls'] {
  return calls.filter(({ sentAt }) => sentAt < OUTAGE_SECONDS);
}

const SINGLE = { fallback: FALLBACK, ideal: 'answer' as const };

export const FAULTS: readonly Fault[] = [
  {
    ...SINGLE,
    id: 'S01',
    title: '429 with retry-after 2, once',
    script: (turn) =>
      turn.attempt > 1
        ? turn.answer()
        : turn.refuse(429, 'rate_limit_error', 'The rate limit is reached.', {
            'retry-after': String(RETRY_AFTER_SECONDS),
          }),
    maxSeconds: 20,
    checks: [
      retried(),
      {
        name: 'waited as retry-after says',
        advisory: true,
        holds: (seen) => (primarySeconds(seen)[1] ?? 0) >= RETRY_AFTER_SECONDS - 0.2,
      },
      atMostWithin(2, 1.5),
    ],
  },
  {
    ...SINGLE,
    id: 'S02',
    title: '429 without retry-after, always',
    script: (turn) => turn.refuse(429, 'rate_limit_error', 'The rate limit is reached.'),
    maxSeconds: 40,
    checks: [atMostWithin(4, 3), atMost(6)],
  },
  {
    ...SINGLE,
    id: 'S03',
    title: '500 once',
    script: (turn) =>
      turn.attempt > 1 ? turn.answer() : turn.refuse(500, 'api_error', 'Internal server error.'),
    maxSeconds: 20,
    checks: [retried()],
  },
  {
    ...SINGLE,
    id: 'S04',
    title: '503 always',
    script: (turn) => turn.refuse(...OVERLOADED),
    maxSeconds: 40,
    checks: [atMost(6)],
  },
  {
    ...SINGLE,
    id: 'S05',
    title: 'connection reset before headers, once',
    script: (turn) => (turn.attempt > 1 ? turn.answer() : turn.reset()),
    maxSeconds: 20,
    checks: [],
  },
  {
    ...SINGLE,
    id: 'S06',
    long: true,
    title: 'no answer at all',
    script: (turn) => turn.hold(SILENCE_MS),
    maxSeconds: 130,
    checks: [within(100), atMost(1, true)],
  },
  {
    ...SINGLE,
    id: 'S07',
    long: true,
    title: 'first token after 20 s',
    script: (turn) => turn.answer({ firstTokenMs: SLOW_MS }),
    maxSeconds: 60,
    checks: [{ ...within(15), advisory: true, needsFallback: true }],
  },
  {
    ...SINGLE,
    id: 'S08',
    title: 'stream cut after 40 of 60 words',
    script: (turn) => turn.answer({ cutAt: 40 }),
    maxSeconds: 40,
    checks: [],
  },
  {
    ...SINGLE,
    id: 'S09',
    long: true,
    title: 'stream silent for 30 s after 20 words, then cut',
    script: (turn) => turn.answer({ stallAt: 20, stallMs: STALL_MS }),
    maxSeconds: 70,
    checks: [within(45), ALIVE],
  },
  {
    ...SINGLE,
    id: 'S10',
    title: 'malformed event in the stream',
    script: (turn) => turn.answer({ malformedAt: 10 }),
    maxSeconds: 30,
    checks: [ALIVE],
  },
  {
    ...SINGLE,
    id: 'S11',
    title: 'stream ends without message_stop',
    script: (turn) => turn.answer({ withoutStop: true }),
    maxSeconds: 30,
    checks: [within(8), USAGE],
  },
  {
    ...SINGLE,
    id: 'S12',
    title: 'prompt too long for the primary',
    script: (turn) =>
      turn.refuse(
        400,
        'invalid_request_error',
        'prompt is too long: 208310 tokens > 200000 maximum',
      ),
    maxSeconds: 20,
    checks: [atMost(1)],
  },
  {
    ...SINGLE,
    id: 'S13',
    title: 'rejected by the content filter',
    script: (turn) =>
      turn.refuse(400, 'invalid_request_error', 'Output blocked by content filtering policy'),
    ideal: 'error',
    maxSeconds: 20,
    checks: [atMost(1)],
  },
  {
    ...SINGLE,
    id: 'S14',
    title: 'stream cut, and the fallback refuses prefill',
    script: (turn) => turn.answer({ cutAt: 40 }),
    fallback: FALLBACK_WITHOUT_PREFILL,
    maxSeconds: 40,
    checks: [
      {
        name: "the fallback's refusal does not reach the client",
        holds: ({ calls, attempts }) =>
          calls[0]?.outcome === 'answer' || !attempts.some(({ prefillRefused }) => prefillRefused),
      },
    ],
  },
  {
    ...SINGLE,
    id: 'S15',
    long: true,
    title: 'down for 60 s, then healthy',
    script: (turn) => (turn.seconds < OUTAGE_SECONDS ? turn.refuse(...OVERLOADED) : turn.answer()),
    maxSeconds: 30,
    sequence: { count: 20, everySeconds: 4 },
    checks: [
      {
        name: 'answered during the outage',
        needsFallback: true,
        holds: (seen) => duringOutage(seen).every(({ outcome }) => outcome === 'answer'),
      },
      {
        name: 'back at the primary within 30 s',
        needsFallback: true,
        holds: (seen) =>
          primaries(seen).some(
            ({ answered, seconds }) => answered && seconds <= OUTAGE_SECONDS + 30,
          ),
      },
    ],
  },
  {
    ...SINGLE,
    id: 'S16',
    title: '503 always: what the answer says of itself',
    script: (turn) => turn.refuse(...OVERLOADED),
    maxSeconds: 40,
    checks: [
      {
        name: 'the answer names the model of the fallback',
        needsFallback: true,
        holds: (seen) =>
          fallbacks(seen).length === 0 || seen.calls[0]?.model?.includes(FALLBACK) === true,
      },
      { ...USAGE, needsFallback: true },
      atMost(6),
    ],
  },
];
