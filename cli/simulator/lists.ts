import type { IncomingMessage, ServerResponse } from 'node:http';
import { tokensOf, type Fault } from './fault.ts';
import { readJson, sendJson } from './json.ts';

const CREATED = '2026-01-01T00:00:00Z';
const MODELS = ['claude-simulated', 'claude-simulated-small'];

/** Answers /v1/messages/count_tokens and /v1/models, which aimock does not. Models are in the formats of Anthropic and OpenAI. */
export class Lists {
  /** The current fault. */
  readonly #fault: () => Fault | undefined;

  constructor(fault: () => Fault | undefined) {
    this.#fault = fault;
  }

  async countTokens(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
    if (this.#refuses(req, res)) return true;
    try {
      const { messages = [] } = (await readJson(req)) as { messages?: { content: unknown }[] };
      sendJson(res, 200, { input_tokens: this.#fault()?.inputTokens ?? tokensOf(messages) });
    } catch (error) {
      sendJson(res, 400, problem('invalid_request_error', (error as Error).message));
    }
    return true;
  }

  /** `path`: the part after /v1/models. */
  models(req: IncomingMessage, res: ServerResponse, path: string): boolean {
    if (this.#refuses(req, res)) return true;
    req.resume();
    const id = path.slice(1);
    sendJson(res, 200, id === '' ? page() : model(id));
    return true;
  }

  #refuses(req: IncomingMessage, res: ServerResponse): boolean {
    const status = this.#fault()?.status;
    if (status === undefined) return false;
    req.resume();
    sendJson(res, status, problem('api_error', 'Simulated failure'));
    return true;
  }
}

function page(): object {
  return {
    object: 'list',
    data: MODELS.map(model),
    first_id: MODELS[0],
    last_id: MODELS.at(-1),
    has_more: false,
  };
}

function model(id: string): object {
  const ofOpenAI = { object: 'model', created: Date.parse(CREATED) / 1000, owned_by: 'breakwater' };
  return { type: 'model', id, display_name: id, created_at: CREATED, ...ofOpenAI };
}

function problem(type: string, message: string): object {
  return { type: 'error', error: { type, message, param: null, code: null } };
}
