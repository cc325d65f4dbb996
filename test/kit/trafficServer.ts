import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { ConversationPlan } from './conversations.ts';
import { ConversationTraffic } from './conversations.ts';
import { readJson, sendJson } from '../../cli/simulator/json.ts';
import type { Burst, TrafficPlan } from './traffic.ts';
import { Traffic } from './traffic.ts';

/**
 * Controls a traffic generator over HTTP, so that it can run in a pod:
 * PUT /traffic takes a TrafficPlan or null; GET /traffic returns its TrafficReport.
 * POST /burst takes a Burst and returns its TrafficReport.
 * PUT /conversations takes a ConversationPlan; GET /conversations returns their ConversationReport; DELETE ends them.
 */
export class TrafficServer {
  readonly #traffic = new Traffic();
  #conversations: ConversationTraffic | undefined;
  readonly #server: Server = createServer((req, res) => void this.#handle(req, res));

  /** Listens on all addresses. */
  listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, () => resolve());
    return promise;
  }

  close(): void {
    this.#traffic.run(undefined);
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      sendJson(res, 200, await this.#answer(req));
    } catch (error) {
      sendJson(res, 400, { error: (error as Error).message });
    }
  }

  async #answer(req: IncomingMessage): Promise<unknown> {
    const route = `${req.method} ${req.url}`;
    if (route === 'PUT /traffic') {
      this.#traffic.run(((await readJson(req)) as TrafficPlan | null) ?? undefined);
      return this.#traffic.report();
    }
    if (route === 'GET /traffic') return this.#traffic.report();
    if (route === 'POST /burst') return this.#traffic.burst((await readJson(req)) as Burst);
    if (req.url === '/conversations') return this.#converse(req);
    if (route === 'GET /health') return { status: 'ok' };
    throw new Error('known are /traffic, /burst, /conversations and /health');
  }

  async #converse(req: IncomingMessage): Promise<unknown> {
    if (req.method === 'PUT') {
      this.#conversations = new ConversationTraffic((await readJson(req)) as ConversationPlan);
      void this.#conversations.run();
    } else if (req.method === 'DELETE') this.#conversations?.end();
    return this.#conversations?.report() ?? null;
  }
}
