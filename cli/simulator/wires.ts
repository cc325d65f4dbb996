import type { ServerResponse } from 'node:http';

/** What differs between the ways in which one can ask the simulated model. */
export interface Wire {
  /** The events before the first text of a stream, as data. */
  head: readonly { type?: string; [member: string]: unknown }[];
  /** Whether a request says what the model's cache keeps. */
  caches: boolean;
}

const MESSAGES: Wire = {
  head: [
    {
      type: 'message_start',
      message: {
        id: 'msg_silent',
        type: 'message',
        role: 'assistant',
        content: [],
        model: 'simulated',
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 1, output_tokens: 0 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  ],
  caches: true,
};

const CHAT: Wire = {
  head: [
    {
      id: 'chatcmpl-silent',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'simulated',
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
    },
  ],
  caches: false,
};

const RESPONSES: Wire = {
  head: [
    {
      type: 'response.created',
      response: { id: 'resp-silent', object: 'response', model: 'simulated', output: [] },
    },
  ],
  caches: false,
};

/** By path. */
export const WIRES: Readonly<Record<string, Wire>> = {
  '/v1/messages': MESSAGES,
  '/v1/chat/completions': CHAT,
  '/v1/responses': RESPONSES,
};

/** Begins a stream and then stays silent, which aimock cannot do. */
export function fallSilent(res: ServerResponse, { head }: Wire): void {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of head) {
    const name = event.type === undefined ? '' : `event: ${event.type}\n`;
    res.write(`${name}data: ${JSON.stringify(event)}\n\n`);
  }
}

/** Leaves out the limits that aimock states with each 429: they would hold an agent back for six minutes. */
export function withoutLimits(res: ServerResponse): void {
  const writeHead = res.writeHead.bind(res) as (status: number, headers?: object) => ServerResponse;
  res.writeHead = ((status: number, headers: object = {}) => {
    const kept = Object.entries(headers).filter(([name]) => !name.startsWith('x-ratelimit-'));
    return writeHead(status, Object.fromEntries(kept));
  }) as ServerResponse['writeHead'];
}
