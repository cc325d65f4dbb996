/** The real guard and model layer before endpoints of a script, in virtual time. */
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Parts } from './resolved.ts';
import { Guard } from '../guard/guard.ts';
import type { Sink } from '../model/attempt/attempt.ts';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import { TokenEstimator } from '../protocols/usage.ts';
import { ModelCaller } from '../model/caller.ts';
import { Credentials } from '../mounts/credentials.ts';
import { Pool } from '../model/pool/pool.ts';
import type { ModelAnswer, ModelRequest } from '../model/request.ts';
import type { UpstreamRequest, UpstreamResponse } from '../model/transport/upstream.ts';
import { ByteBudget } from '../resilience/byteBudget.ts';
import { RetryBudgets } from '../resilience/retryBudget.ts';
import { configuration } from './configuration.ts';
import { FakeClock } from './fakeClock.ts';

/** An answer of an endpoint. Times are in milliseconds from the request. */
export interface Script {
  /** When the head comes; absent: never. */
  headMs?: number;
  status?: number;
  headers?: string[];
  /** Parts of the body, each with its time. */
  body?: [ms: number, bytes: string | Buffer][];
  /** When the body ends. Absent: never. */
  endMs?: number;
  /** Whether it ends by a reset. */
  breaks?: boolean;
}

/** Keeps what a client receives, with the times. */
export class Client implements Sink {
  blocked = false;
  status: number | undefined;
  headMs: number | undefined;
  ended = false;
  text = '';
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  head(status: number): void {
    this.status = status;
    this.headMs = this.#clock.now();
  }

  write(chunk: Buffer): undefined {
    this.text += chunk.toString();
  }

  end(last?: Buffer): void {
    if (last) this.text += last.toString();
    this.ended = true;
  }
}

export interface VirtualModel {
  clock: FakeClock;
  guard: Guard;
  /** Requests that each endpoint has seen. */
  seen: Record<string, UpstreamRequest[]>;
  /** Makes a request and moves the clock on until it has its answer. */
  ask(
    request?: Partial<ModelRequest>,
  ): Promise<{ answer: ModelAnswer; client: Client; ms: number }>;
}

/** Endpoints by name, in the order of their priorities. */
export function virtualModel(
  scripts: Record<string, (nth: number) => Script>,
  content: Parts<Content> = {},
  endpoints: Record<string, Partial<Endpoint>> = {},
): VirtualModel {
  const clock = new FakeClock();
  const guard = new Guard({ clock });
  const names = Object.keys(scripts);
  const seen: VirtualModel['seen'] = Object.fromEntries(names.map((name) => [name, []]));
  const whole = configuration('', {
    endpoints: names.map((name, priority) => ({
      ...{ name, provider: 'Anthropic', baseURL: `http://${name}`, priority },
      ...endpoints[name],
    })),
    timeouts: { connectMs: 1000, requestMs: 300_000, streamMs: 3_600_000 },
    retry: { maxAttempts: 3, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 20, minPerSecond: 1 },
    ...content,
  }).content;
  guard.apply(whole);
  const retryBudgets = new RetryBudgets();
  retryBudgets.apply(
    whole.retry,
    names.map((name) => `model/${name}`),
  );
  const caller = new ModelCaller({
    ...{ clock, retryBudgets, estimator: new TokenEstimator(), random: () => 0 },
    byteBudget: new ByteBudget(() => Infinity),
    upstream: {
      send: (request, signal) => {
        const name = new URL(request.origin).hostname;
        const script = scripts[name]!(seen[name]!.length);
        seen[name]!.push(request);
        request.onSent?.();
        return play(script, clock, signal);
      },
    },
    pool: new Pool({
      ...{ guard, now: () => clock.now(), random: () => 0 },
      identities: { of: () => undefined },
      network: { lacking: () => undefined },
      credentials: new Credentials(() => 0),
    }),
    ...{
      onAttempt: nothing,
      onRetry: nothing,
      onFallback: nothing,
      onSession: nothing,
      onPassedOver: nothing,
    },
  });
  const ask: VirtualModel['ask'] = async (request = {}) => {
    const client = new Client(clock);
    const began = clock.now();
    let answer: ModelAnswer | undefined;
    const asked: ModelRequest = {
      ...{ content: whole, endpoints: whole.endpoints, headers: [], model: 'm' },
      ...{
        method: 'POST',
        path: '/v1/messages',
        protocol: anthropicMessages,
        expected: 'Message',
        stream: false,
      },
      body: Buffer.from('{"model":"m"}'),
      size: { textBytes: 10, mediaTokens: 0, maxTokens: 1000 },
      deadlineAt: began + whole.timeouts.requestMs,
      ...{ signal: new AbortController().signal, sink: client },
      ...request,
    };
    void caller.call(asked).then((found) => (answer = found));
    for (;;) {
      await new Promise(setImmediate);
      if (answer) return { answer, client, ms: clock.now() - began };
      clock.advance(10);
    }
  };
  return { clock, guard, seen, ask };
}

function nothing(): void {
  // These tests look at what clients and endpoints see.
}

function play(
  { headMs, status = 200, headers = [], body = [], endMs, breaks = false }: Script,
  clock: FakeClock,
  signal: AbortSignal,
): Promise<UpstreamResponse> {
  const began = clock.now();
  const at = (ms: number, run: () => void): void =>
    void clock.setTimer(Math.max(0, began + ms - clock.now()), run);
  const cut = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
  cut.catch(nothing);
  const reset = (): Error => Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  const read = (take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> => {
    let taken: Promise<unknown> = Promise.resolve();
    for (const [ms, bytes] of body) {
      at(ms, () => {
        taken = taken.then(() => take(Buffer.from(bytes)));
      });
    }
    const end = new Promise<void>((resolve, reject) => {
      if (endMs === undefined) return;
      at(endMs, () => {
        void taken.then(() => (breaks ? reject(reset()) : resolve()));
      });
    });
    return Promise.race([end, cut]);
  };
  const response = new Promise<UpstreamResponse>((resolve, reject) => {
    if (headMs !== undefined) {
      const found = { status, statusText: '', headers, body: { read, destroy: nothing } };
      at(headMs, () => resolve(found));
    } else if (endMs !== undefined) at(endMs, () => reject(reset()));
  });
  return Promise.race([response, cut]);
}
