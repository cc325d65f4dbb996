import { MessagesClient } from './messages.ts';
import type { Answer, MessageRequest } from './messages.ts';

/** Requests to send at a steady rate. */
export interface TrafficPlan {
  /** URL before /v1/messages. */
  url: string;
  /** Requests per second, whether or not earlier ones are answered. */
  rate: number;
  stream?: boolean;
  /** Whether to keep connections between requests. Default: no, so that a Service spreads requests over all pods. */
  keepAlive?: boolean;
  /** Sent as x-api-key. Default client. */
  apiKey?: string;
}

export interface Burst {
  url: string;
  count: number;
  /** Requests in flight. Default 20. */
  concurrency?: number;
  stream?: boolean;
  keepAlive?: boolean;
  /** Longest silence of a request, in milliseconds. Default 60,000. */
  timeoutMs?: number;
  /** Sent as x-api-key. {n} stands for the number of the request. Default client. */
  apiKey?: string;
}

export interface TrafficReport {
  sent: number;
  answered: number;
  /** Requests by outcome: "200", "503 CircuitBreakerOpen", "200 overloaded_error" (a stream), "200 incomplete", "failed ECONNRESET". */
  outcomes: Record<string, number>;
  /** retry-after headers of 429 and 503, by their value in seconds. */
  retryAfter: Record<string, number>;
  /** Longest response time in milliseconds. */
  slowestMs: number;
}

/** Difference of two reports of the same generator. */
export function since(before: TrafficReport, now: TrafficReport): TrafficReport {
  const subtract = (a: Record<string, number>, b: Record<string, number>): Record<string, number> =>
    Object.fromEntries(
      Object.entries(b)
        .map(([key, count]) => [key, count - (a[key] ?? 0)] as const)
        .filter(([, count]) => count > 0),
    );
  return {
    sent: now.sent - before.sent,
    answered: now.answered - before.answered,
    outcomes: subtract(before.outcomes, now.outcomes),
    retryAfter: subtract(before.retryAfter, now.retryAfter),
    slowestMs: now.slowestMs,
  };
}

/** The type of the error at the end of a stream. */
const STREAM_ERROR = /^event: error\ndata: .*"error": ?\{"type": ?"(\w+)"/m;

/** The wait in seconds in the body of a runtime's error. NaN if there is none. */
export function saidSeconds({ body }: Pick<Answer, 'body'>): number {
  return Number(/ in (\d+) s/.exec(body)?.[1]);
}

/** A one-line outcome of one request. */
export function outcome(answer: Answer): string {
  if (answer.failure !== undefined) return `failed ${answer.failure}`;
  const words = [String(answer.status)];
  const reason = answer.headers['x-breakwater-reason'];
  if (typeof reason === 'string') words.push(reason);
  const error = STREAM_ERROR.exec(answer.body)?.[1];
  if (error !== undefined) words.push(error);
  if (!answer.complete) words.push('incomplete');
  return words.join(' ');
}

function empty(): TrafficReport {
  return { sent: 0, answered: 0, outcomes: {}, retryAfter: {}, slowestMs: 0 };
}

/** Sends requests to an agent and counts the results. */
export class Traffic {
  #report = empty();
  #timer: NodeJS.Timeout | undefined;
  #client: MessagesClient | undefined;

  /** Replaces the plan; undefined: sends nothing. Requests in flight still count. */
  run(plan: TrafficPlan | undefined): void {
    clearInterval(this.#timer);
    this.#client?.close();
    this.#timer = undefined;
    this.#client = undefined;
    if (!plan) return;
    const client = new MessagesClient(plan.url, { keepAlive: plan.keepAlive ?? false });
    this.#client = client;
    const { stream = false, apiKey = 'client' } = plan;
    const message = { stream, headers: { 'x-api-key': apiKey } };
    this.#timer = setInterval(
      () => void this.#send(client, this.#report, message),
      1000 / plan.rate,
    );
  }

  /** Sends a number of requests and reports on these. */
  async burst(burst: Burst): Promise<TrafficReport> {
    const client = new MessagesClient(burst.url, { keepAlive: burst.keepAlive ?? false });
    const report = empty();
    const message = {
      stream: burst.stream ?? false,
      ...(burst.timeoutMs !== undefined ? { timeoutMs: burst.timeoutMs } : {}),
    };
    const shown = (n: number): MessageRequest => ({
      ...message,
      headers: { 'x-api-key': (burst.apiKey ?? 'client').replace('{n}', `${n}`) },
    });
    const worker = async (): Promise<void> => {
      while (report.sent < burst.count) await this.#send(client, report, shown(report.sent + 1));
    };
    await Promise.all(Array.from({ length: burst.concurrency ?? 20 }, worker));
    client.close();
    return report;
  }

  report(): TrafficReport {
    return structuredClone(this.#report);
  }

  async #send(
    client: MessagesClient,
    report: TrafficReport,
    message: MessageRequest,
  ): Promise<void> {
    report.sent += 1;
    const answer = await client.send(message);
    report.answered += 1;
    const key = outcome(answer);
    report.outcomes[key] = (report.outcomes[key] ?? 0) + 1;
    report.slowestMs = Math.max(report.slowestMs, Math.round(answer.ms));
    const retryAfter = answer.headers['retry-after'];
    if (typeof retryAfter === 'string') {
      report.retryAfter[retryAfter] = (report.retryAfter[retryAfter] ?? 0) + 1;
    }
  }
}
