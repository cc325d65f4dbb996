/** What a healthy model answers on the wire of OpenAI. */

export const USAGE = { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 };

const OF_CHUNK = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'gpt-test',
};

export function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

/** One chunk with the next part of an answer. */
export function chunk(delta: object, finish: string | null = null): string {
  return data({ ...OF_CHUNK, choices: [{ index: 0, delta, finish_reason: finish }] });
}

export const DONE = 'data: [DONE]\n\n';

/** The chunks of a complete stream, without its usage. */
export const CHUNKS = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ content: 'Hel' }),
  chunk({ content: 'lo' }),
  chunk({}, 'stop'),
];

/** The chunk with the usage, which a client must ask for. */
export const USAGE_CHUNK = data({ ...OF_CHUNK, choices: [], usage: USAGE });

export const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-test',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
  usage: USAGE,
};

const named = (type: string, rest: object): string =>
  `event: ${type}\n${data({ type, sequence_number: 0, ...rest })}`;

export const RESPONSE = {
  id: 'resp_1',
  object: 'response',
  created_at: 1,
  status: 'completed',
  model: 'gpt-test',
  error: null,
  output: [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Hello', annotations: [] }],
    },
  ],
  usage: { input_tokens: 9, output_tokens: 2, total_tokens: 11 },
};

/** The events of a complete stream of a response. */
export const RESPONSE_EVENTS = [
  named('response.created', { response: { ...RESPONSE, status: 'in_progress', output: [] } }),
  named('response.output_item.added', { output_index: 0, item: { type: 'message', content: [] } }),
  named('response.output_text.delta', { output_index: 0, content_index: 0, delta: 'Hello' }),
  named('response.completed', { response: RESPONSE }),
];

export const failedEvent = (error: object): string =>
  named('response.failed', { response: { ...RESPONSE, status: 'failed', output: [], error } });
