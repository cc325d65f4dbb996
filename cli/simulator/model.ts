import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { LLMock } from '@copilotkit/aimock';
import { readJson, sendJson } from './json.ts';
import type { Fault } from './fault.ts';
import { fixtures, parseFault } from './fault.ts';
import { Lists } from './lists.ts';
import { PromptCache, reportCache } from './promptCache.ts';
import type { RequestRecord } from './record.ts';
import { Recorder, credentialOf } from './record.ts';
import { WIRES, fallSilent, withoutLimits } from './wires.ts';
import type { Wire } from './wires.ts';

/** A running simulated model. */
export interface Model {
  /** Address to use as baseURL, without a trailing slash. */
  url: string;
  port: number;
  /** Sets the fault from the next request on; undefined: none. */
  setFault(fault: Fault | undefined): void;
  requests(): RequestRecord;
  resetRequests(): void;
  /** Closes all connections and stops listening. */
  stop(): Promise<void>;
}

/**
 * The simulated model: aimock answers in the protocols of Anthropic and OpenAI; this adds what it lacks,
 * namely 529, silent streams, request ids, a prompt cache, counting, and HTTP routes to steer it at run time.
 */
class SimulatedModel implements Model {
  readonly #mock: LLMock;
  readonly #recorder = new Recorder();
  readonly #cache = new PromptCache(() => performance.now());
  readonly #sockets = new Set<Socket>();
  #fault: Fault | undefined;
  #nextId = 1;

  constructor(host: string, port: number) {
    this.#mock = new LLMock({ host, port, journalMaxEntries: 1 });
    this.#mock.addFixtures(fixtures());
    const lists = new Lists(() => (this.#fault?.model === undefined ? this.#fault : undefined));
    // Before /v1/messages, which is a prefix of it.
    this.#mock.mount('/v1/messages/count_tokens', {
      handleRequest: (req, res) => {
        this.#trackSocket(req.socket);
        return lists.countTokens(req, res);
      },
    });
    this.#mock.mount('/v1/models', {
      handleRequest: (req, res, path) => {
        this.#trackSocket(req.socket);
        return Promise.resolve(lists.models(req, res, path.replace(/^\/$/, '')));
      },
    });
    for (const [path, wire] of Object.entries(WIRES)) {
      this.#mock.mount(path, {
        handleRequest: (req, res) => Promise.resolve(this.#handleModel(req, res, wire)),
      });
    }
    this.#mock.mount('/control/fault', {
      handleRequest: (req, res) => this.#handleFault(req, res),
    });
    this.#mock.mount('/control/requests', {
      handleRequest: (req, res) => Promise.resolve(this.#handleRequests(req, res)),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get port(): number {
    return this.#mock.port;
  }

  async start(): Promise<void> {
    await this.#mock.start();
  }

  setFault(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#mock.clearFixtures();
    this.#mock.addFixtures(fixtures(fault));
  }

  requests(): RequestRecord {
    return this.#recorder.snapshot();
  }

  resetRequests(): void {
    this.#recorder.reset();
  }

  async stop(): Promise<void> {
    const stopped = this.#mock.stop();
    for (const socket of this.#sockets) socket.destroy();
    await stopped;
  }

  #trackSocket(socket: Socket): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** False lets aimock answer. */
  #handleModel(req: IncomingMessage, res: ServerResponse, wire: Wire): boolean {
    this.#trackSocket(req.socket);
    this.#recorder.watch(req, res);
    res.setHeader('request-id', `req_simulated_${this.#nextId++}`);
    const retryAfter = this.#fault?.status === undefined ? undefined : this.#fault.retryAfter;
    if (retryAfter !== undefined) res.setHeader('retry-after', String(retryAfter));
    const more = this.#fault?.headers ?? {};
    for (const [name, value] of Object.entries(more)) res.setHeader(name, value);
    if (this.#fault?.silent) {
      req.resume();
      fallSilent(res, wire);
      return true;
    }
    withoutLimits(res);
    if (wire.caches) reportCache(this.#cache, credentialOf(req), req, res);
    return false;
  }

  async #handleFault(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    this.#trackSocket(req.socket);
    if (req.method === 'PUT') {
      try {
        this.setFault(parseFault(await readJson(req)));
      } catch (error) {
        sendJson(res, 400, { error: (error as Error).message });
        return true;
      }
    }
    sendJson(res, 200, this.#fault ?? null);
    return true;
  }

  #handleRequests(req: IncomingMessage, res: ServerResponse): boolean {
    this.#trackSocket(req.socket);
    req.resume();
    if (req.method === 'DELETE') this.resetRequests();
    sendJson(res, 200, this.requests());
    return true;
  }
}

/** Starts a simulated model. Port 0, the default, takes a free one. */
export async function startModel(options: { port?: number; host?: string } = {}): Promise<Model> {
  const model = new SimulatedModel(options.host ?? '127.0.0.1', options.port ?? 0);
  await model.start();
  return model;
}
