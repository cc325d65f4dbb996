/** A pod's way from request to answer, without sockets and in virtual time: limits, retries, circuits and answers. */
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pino } from 'pino';
import type { Content } from '../../../contract/generated/types.ts';
import { anybody } from '../../../runtime/clients/clients.ts';
import { Activity } from '../../../runtime/exchange/activity.ts';
import { serveMessages } from '../../../runtime/exchange/messages.ts';
import { STALLED_MS } from '../../../runtime/api/stalledClients.ts';
import { errorSender } from '../../../runtime/exchange/response.ts';
import type { MessagesParts } from '../../../runtime/exchange/messages.ts';
import type { Clock } from '../../../runtime/guard/clock.ts';
import { Guard } from '../../../runtime/guard/guard.ts';
import { dependencyOf, supported } from '../../../runtime/guard/supported.ts';
import { TokenEstimator } from '../../../runtime/protocols/usage.ts';
import { ModelCaller } from '../../../runtime/model/caller.ts';
import { Pool } from '../../../runtime/model/pool/pool.ts';
import type {
  UpstreamRequest,
  UpstreamResponse,
} from '../../../runtime/model/transport/upstream.ts';
import { RequestTraces } from '../../../runtime/observe/requestTraces.ts';
import { NO_LISTENER } from '../../../runtime/observe/trace/requestListener.ts';
import { NO_TRACER } from '../../../tracing/span.ts';
import { ByteBudget } from '../../../runtime/resilience/byteBudget.ts';
import { RetryBudgets } from '../../../runtime/resilience/retryBudget.ts';
import { agentContent } from '../../kit/agentContent.ts';
import type { Carrier } from './client.ts';
import type { Ask, Listener, Provider } from './provider.ts';

const SILENT = pino({ level: 'silent' });
const KEY = { key: 'key', credential: { hash: 'key', mounted: true } };
const CREDENTIALS = { read: () => KEY.key, mounted: () => KEY };

/** The configuration with the defaults of the CRD. */
export function contentFor(endpoints: readonly string[]): Content {
  const apiKeySecretRef = { name: 'provider' };
  const agent = {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'bench' },
    spec: {
      model: {
        endpoints: endpoints.map((name, priority) => ({
          ...{ name, priority, apiKeySecretRef, baseURL: `http://${name}.test` },
        })),
      },
    },
  };
  return agentContent(agent, '/');
}

export interface PodDeps {
  clock: Clock;
  /** By name of the endpoint. */
  providers: Readonly<Record<string, Provider>>;
  content: Content;
  /** Tells pods apart. */
  seed: string;
  random: () => number;
}

/** Serves attempts of clients through a runtime of its own. */
export function podCarrier({ clock, providers, content, seed, random }: PodDeps): Carrier {
  const guard = new Guard({ clock, seed });
  const { endpoints } = supported(content);
  const snapshot = { content, endpoints };
  const retryBudgets = new RetryBudgets();
  retryBudgets.apply(content.retry, endpoints.map(dependencyOf));
  guard.apply(content);
  const asks = new WeakMap<Buffer, Ask>();
  const now = (): number => clock.now();
  const estimator = new TokenEstimator();
  const nothing = (): void => undefined;
  const caller = new ModelCaller({
    ...{ clock, estimator, retryBudgets, random },
    byteBudget: new ByteBudget(() => content.requestLimits.maxBodyBytesInFlight),
    upstream: {
      send: (request, signal) => {
        const name = new URL(request.origin).hostname.replace(/\.test$/, '');
        return sendTo(providers[name]!, asks.get(request.body!)!, request, signal);
      },
    },
    pool: new Pool({
      ...{ guard, now, random },
      credentials: CREDENTIALS,
      identities: { of: () => undefined },
      network: { lacking: () => undefined },
    }),
    onAttempt: nothing,
    onRetry: nothing,
    onFallback: nothing,
    onSession: nothing,
    onPassedOver: nothing,
  });
  const messages: MessagesParts = {
    ...{ clock, caller, estimator },
    inbound: guard.inbound,
    current: { forNextCall: () => snapshot },
    sendError: errorSender(() => content.maxRetryAfterMs, random),
    bodies: {
      read: (request) => Promise.resolve({ body: (request as unknown as PodRequest).ask.body }),
      done: () => undefined,
      account: () => ({ take: () => true, give: () => undefined }),
    },
    screen: {
      looksAtMessages: false,
      blocksMessages: false,
      look: () => Promise.reject(new Error('nothing is screened')),
      answerScan: () => undefined,
    },
    peers: { take: () => false, toSibling: () => Promise.resolve(undefined) },
    activity: new Activity(),
    log: SILENT,
    clients: { identify: anybody },
    trust: nothing,
    unavailable: () => undefined,
    blockedSource: () => undefined,
    blockedClient: () => undefined,
  };
  const traces = new RequestTraces({
    ...{ now, random, log: () => SILENT },
    telemetry: () => content.telemetry,
    tracer: () => NO_TRACER,
    content: () => false,
    listener: () => NO_LISTENER,
  });
  return (ask, retries, listener) => {
    asks.set(ask.body, ask);
    const request = new PodRequest(ask, retries) as unknown as IncomingMessage;
    const response = new PodResponse(request as unknown as PodRequest, listener, clock);
    const trace = traces.begin(request, () => 'req', '/v1/messages');
    const served = response as unknown as ServerResponse;
    const cut = new AbortController();
    const route = '/v1/messages';
    const arrived = { request, response: served, cut, trace, snapshot, route };
    void serveMessages(arrived, messages);
    return () => response.leave();
  };
}

/** The parts of a request that the runtime reads. */
class PodRequest {
  readonly method = 'POST';
  readonly url = '/v1/messages';
  readonly headers: Record<string, string>;
  readonly rawHeaders: string[];
  readonly socket = { remoteAddress: '192.0.2.1' };
  readonly ask: Ask;

  constructor(ask: Ask, retries: number) {
    this.ask = ask;
    this.headers = {
      'content-type': 'application/json',
      'x-stainless-retry-count': String(retries),
    };
    this.rawHeaders = Object.entries(this.headers).flat();
  }
}

/** The parts of a response that the runtime writes. */
class PodResponse extends EventEmitter {
  readonly req: PodRequest;
  readonly #listener: Listener;
  readonly #clock: Clock;
  #stalls = false;
  sendDate = true;
  shouldKeepAlive = true;
  headersSent = false;
  destroyed = false;
  writableFinished = false;
  statusCode = 200;

  constructor(request: PodRequest, listener: Listener, clock: Clock) {
    super();
    this.#clock = clock;
    this.req = request;
    this.#listener = listener;
  }

  writeHead(status: number, ...rest: (string | string[] | Record<string, string>)[]): this {
    const given = rest.at(-1);
    const headers = Array.isArray(given) ? given : Object.entries(given as object).flat();
    this.headersSent = true;
    this.statusCode = status;
    this.#listener.head(status, headers as string[]);
    return this;
  }

  flushHeaders(): void {
    // The head is on its way already.
  }

  /** False while the client does not read. Then the server cuts it by the timeout of its socket. */
  write(chunk: Buffer): boolean {
    if (!this.req.ask.reads) {
      if (!this.#stalls) this.#clock.setTimer(STALLED_MS, () => this.leave());
      this.#stalls = true;
      return false;
    }
    this.#listener.data(chunk);
    return true;
  }

  end(last?: Buffer | string): void {
    if (this.destroyed || this.writableFinished) return;
    if (last !== undefined && this.req.ask.reads) this.#listener.data(Buffer.from(last));
    this.writableFinished = true;
    this.#listener.end();
    this.emit('close');
  }

  destroy(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.#listener.failed();
    this.emit('close');
  }

  /** The client leaves. */
  leave(): void {
    if (this.destroyed || this.writableFinished) return;
    this.destroyed = true;
    this.emit('close');
  }
}

const lost = (): Error => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

/** Sends a request of the runtime to a provider. */
function sendTo(
  provider: Provider,
  ask: Ask,
  { onSent }: UpstreamRequest,
  signal: AbortSignal,
): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const body = new PodBody();
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      body.fail(error);
      reject(error);
    };
    const stop = provider.serve(ask, {
      head: (status, headers) => resolve({ status, statusText: '', headers: [...headers], body }),
      data: (chunk) => body.push(chunk),
      end: () => {
        signal.removeEventListener('abort', onAbort);
        body.end();
      },
      failed: () => fail(lost()),
    });
    const onAbort = (): void => {
      stop();
      fail(signal.reason as Error);
    };
    body.stop = stop;
    signal.addEventListener('abort', onAbort, { once: true });
    onSent?.();
  });
}

/** A body that arrives in virtual time. */
class PodBody {
  stop: () => void = () => undefined;
  readonly #held: Buffer[] = [];
  #take: ((chunk: Buffer) => Promise<void> | undefined) | undefined;
  #done: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #busy = false;
  #ended = false;
  #error: Error | undefined;

  read(take: (chunk: Buffer) => Promise<void> | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#take = take;
      this.#done = { resolve, reject };
      this.#drain();
    });
  }

  destroy(): void {
    if (!this.#ended) this.stop();
    this.#ended = true;
  }

  push(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#drain();
  }

  end(): void {
    this.#ended = true;
    this.#drain();
  }

  fail(error: Error): void {
    this.#error = error;
    this.#done?.reject(error);
  }

  #drain(): void {
    if (this.#take === undefined || this.#error) return;
    while (!this.#busy && this.#held.length > 0) {
      const taken = this.#take(this.#held.shift()!);
      if (taken === undefined) continue;
      this.#busy = true;
      taken.then(
        () => {
          this.#busy = false;
          this.#drain();
        },
        (error: unknown) => this.fail(error as Error),
      );
    }
    if (!this.#busy && this.#held.length === 0 && this.#ended) this.#done?.resolve();
  }
}
