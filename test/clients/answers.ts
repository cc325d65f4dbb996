/** What a healthy model answers: text, or a call of a tool. */
import { sse } from '../../runtime/testing/upstream.ts';

export const TEXT = 'The breakwater holds, and the harbour behind it is calm.';
export const TOOL = {
  name: 'get_weather',
  description: 'Tells the weather.',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' as const }, days: { type: 'number' as const } },
  },
};
export const INPUT = { city: 'Bern', days: 2 };

const TOOL_USE = { type: 'tool_use', id: 'toolu_1', name: TOOL.name };

function message(tools: boolean): object {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-test',
    content: [tools ? { ...TOOL_USE, input: INPUT } : { type: 'text', text: TEXT }],
    stop_reason: tools ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 9, output_tokens: 12 },
  };
}

function text(tools: boolean): string {
  return JSON.stringify(message(tools));
}

/** The events of a stream. The first half of them has a part of the answer. */
function events(tools: boolean): string[] {
  const whole = tools ? JSON.stringify(INPUT) : TEXT;
  const half = whole.length / 2;
  const delta = (part: string): object =>
    tools ? { type: 'input_json_delta', partial_json: part } : { type: 'text_delta', text: part };
  const block = tools ? { ...TOOL_USE, input: {} } : { type: 'text', text: '' };
  return [
    sse('message_start', { message: { ...message(tools), content: [], stop_reason: null } }),
    sse('content_block_start', { index: 0, content_block: block }),
    sse('ping'),
    sse('content_block_delta', { index: 0, delta: delta(whole.slice(0, half)) }),
    sse('content_block_delta', { index: 0, delta: delta(whole.slice(half)) }),
    sse('content_block_stop', { index: 0 }),
    sse('message_delta', {
      delta: { stop_reason: tools ? 'tool_use' : 'end_turn', stop_sequence: null },
      usage: { output_tokens: 12 },
    }),
    sse('message_stop'),
  ];
}

const errorOf = (type: string): object => ({
  type: 'error',
  error: { type, message: `a ${type}` },
});

/** How a healthy model answers on one wire, and how its errors look. */
export interface Wire {
  /** The events of a stream. The first four of them have a part of the answer, the last one only ends it. */
  events: (tools: boolean) => string[];
  /** An unstreamed answer. */
  text: (tools: boolean) => string;
  error: (type: string) => string;
  errorEvent: string;
}

export const MESSAGES: Wire = {
  events,
  text,
  error: (type) => JSON.stringify(errorOf(type)),
  errorEvent: sse('error', errorOf('overloaded_error') as Record<string, unknown>),
};
