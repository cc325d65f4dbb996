/** What a healthy model answers on the two wires of OpenAI. */
import { COMPLETION, DONE, RESPONSE, chunk, data } from '../../runtime/testing/openai.ts';
import { sse } from '../../runtime/testing/upstream.ts';
import { TEXT } from './answers.ts';
import type { Wire } from './answers.ts';

const HALF = TEXT.length / 2;

const error = (type: string): object => ({ message: `a ${type}`, type, param: null, code: null });
const framed = (type: string): string => JSON.stringify({ error: error(type) });

export const CHAT: Wire = {
  events: () => [
    chunk({ role: 'assistant', content: '' }),
    ': a comment\n\n',
    chunk({ content: '' }),
    chunk({ content: TEXT.slice(0, HALF) }),
    chunk({ content: TEXT.slice(HALF) }),
    chunk({}, 'stop'),
    DONE,
  ],
  text: () => {
    const message = { role: 'assistant', content: TEXT };
    return JSON.stringify({
      ...COMPLETION,
      choices: [{ index: 0, message, finish_reason: 'stop' }],
    });
  },
  error: framed,
  errorEvent: data({ error: error('overloaded_error') }),
};

const ITEM = RESPONSE.output[0]!;
const PLACE = { item_id: ITEM.id, output_index: 0, content_index: 0 };
const PART = { type: 'output_text', text: TEXT, annotations: [] };
const DONE_ITEM = { ...ITEM, content: [PART] };
const WHOLE = { ...RESPONSE, output: [DONE_ITEM] };

let sequence = 0;
const event = (type: string, rest: object): string =>
  sse(type, { sequence_number: sequence++, ...rest });
const delta = (text: string): string =>
  event('response.output_text.delta', { ...PLACE, delta: text, logprobs: [] });

export const RESPONSES: Wire = {
  events: () => [
    event('response.created', { response: { ...RESPONSE, status: 'in_progress', output: [] } }),
    event('response.output_item.added', {
      output_index: 0,
      item: { ...ITEM, status: 'in_progress', content: [] },
    }),
    event('response.content_part.added', { ...PLACE, part: { ...PART, text: '' } }),
    delta(TEXT.slice(0, HALF)),
    delta(TEXT.slice(HALF)),
    event('response.output_item.done', { output_index: 0, item: DONE_ITEM }),
    event('response.completed', { response: WHOLE }),
  ],
  text: () => JSON.stringify(WHOLE),
  error: framed,
  errorEvent: event('error', { ...error('server_error'), error: error('server_error') }),
};
