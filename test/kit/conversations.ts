import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** Concurrent conversations. Each message has its own connection. */
export interface ConversationPlan {
  /** URL before /v1/conversations. */
  url: string;
  conversations: number;
  /** Messages in each conversation, unless it ends before. */
  messages: number;
  /** Milliseconds between an answer and the next message. The conversations begin spread over this time. Default 0. */
  pauseMs?: number;
  /** Sent as x-api-key. Default client. */
  apiKey?: string;
}

export interface ConversationReport {
  /** Messages that were answered. */
  answered: number;
  /** Attempts by outcome: "200", "410 ConversationLost", or "failed ECONNRESET". */
  outcomes: Record<string, number>;
  /** Conversations that ended with all messages in order. */
  whole: number;
  /** Conversations that ended with a missing or misplaced message. */
  torn: number;
  /** Conversations that could not be continued. */
  givenUp: number;
  /** Whether all conversations have ended. */
  done: boolean;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  failure?: string;
}

/** Milliseconds after which a client retries a message. */
const AGAIN_MS = 500;
/** Attempts at one message. */
const MAX_ATTEMPTS = 120;
/** Responses after which a retry is useless. */
const FINAL = new Set([400, 401, 404, 410, 500]);

/** Has conversations like a client that does not know its pod. */
export class ConversationTraffic {
  readonly #plan: ConversationPlan;
  readonly #report: ConversationReport = {
    answered: 0,
    outcomes: {},
    whole: 0,
    torn: 0,
    givenUp: 0,
    done: false,
  };
  #ending = false;

  constructor(plan: ConversationPlan) {
    this.#plan = plan;
  }

  report(): ConversationReport {
    return structuredClone(this.#report);
  }

  /** Ends each conversation after its current message. */
  end(): void {
    this.#ending = true;
  }

  async run(): Promise<ConversationReport> {
    const { conversations, pauseMs = 0 } = this.#plan;
    const all = Array.from({ length: conversations }, async (_, i) => {
      await pause((i / conversations) * pauseMs);
      await this.#converse();
    });
    await Promise.all(all);
    this.#report.done = true;
    return this.report();
  }

  async #converse(): Promise<void> {
    const begun = await this.#persist('POST', '', {});
    if (begun?.status !== 201) return this.#giveUp();
    const { id } = JSON.parse(begun.body) as { id: string };
    let said = 0;
    while (said < this.#plan.messages && !this.#ending) {
      const answer = await this.#persist('POST', `/${id}/messages`, { content: words(said) });
      if (answer?.status !== 200) return this.#giveUp();
      said += 1;
      this.#report.answered += 1;
      await pause(this.#plan.pauseMs ?? 0);
    }
    await this.#check(id, said);
  }

  async #check(id: string, said: number): Promise<void> {
    const kept = await this.#persist('GET', `/${id}`);
    if (kept?.status !== 200) return this.#giveUp();
    if (isWhole(kept.body, said)) this.#report.whole += 1;
    else this.#report.torn += 1;
  }

  #giveUp(): void {
    this.#report.givenUp += 1;
  }

  #ask(method: string, path: string, body?: unknown): Promise<Answer> {
    const { url, apiKey = 'client' } = this.#plan;
    return ask(method, `${url}/v1/conversations${path}`, apiKey, body);
  }

  /** Retries until a response that a further retry would not change. Returns the last response. */
  async #persist(method: string, path: string, body?: unknown): Promise<Answer | undefined> {
    let answer: Answer | undefined;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      answer = await this.#ask(method, path, body);
      const outcome = outcomeOf(answer);
      this.#report.outcomes[outcome] = (this.#report.outcomes[outcome] ?? 0) + 1;
      if (answer.status >= 200 && answer.status < 300) return answer;
      if (FINAL.has(answer.status)) return answer;
      await pause(AGAIN_MS);
    }
    return answer;
  }
}

/** Whether all messages are there in order. A message whose response was lost may be there twice. */
function isWhole(body: string, count: number): boolean {
  const { messages } = JSON.parse(body) as { messages: { role: string; content: unknown }[] };
  const said = messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => (typeof content === 'string' ? content : textOf(content)));
  const once = said.filter((text, i) => text !== said[i - 1]);
  const wanted = Array.from({ length: count }, (_, i) => words(i));
  return JSON.stringify(once) === JSON.stringify(wanted);
}

function textOf(content: unknown): string {
  return (content as { text?: string }[]).map(({ text }) => text ?? '').join('');
}

function words(i: number): string {
  return `This is message ${i}.`;
}

function outcomeOf({ status, headers, failure }: Answer): string {
  if (failure !== undefined) return `failed ${failure}`;
  const reason = headers['x-breakwater-reason'];
  return typeof reason === 'string' ? `${status} ${reason}` : String(status);
}

/** Sends one request on a new connection. Never rejects. */
function ask(method: string, url: string, apiKey: string, body?: unknown): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const answer: Answer = { status: 0, headers: {}, body: '' };
  const fail = (error: NodeJS.ErrnoException): void =>
    resolve({ ...answer, failure: error.code ?? error.message });
  const headers = { 'content-type': 'application/json', 'x-api-key': apiKey };
  const req = request(url, { method, agent: false, timeout: 60_000, headers });
  req.on('error', fail);
  req.on('timeout', () => req.destroy(new Error('no byte within the time limit')));
  req.on('response', (res) => {
    answer.status = res.statusCode ?? 0;
    answer.headers = res.headers;
    res.setEncoding('utf8');
    res.on('data', (text: string) => (answer.body += text));
    res.on('end', () => resolve(answer));
    res.on('error', fail);
  });
  req.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
