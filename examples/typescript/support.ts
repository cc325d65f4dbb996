// A conversation as a reducer: state and action give state and effects. It is tested without a model.
import type { ModelRequest, Reduce } from '@breakwater/agent';

export type Messages = ModelRequest['messages'];
export type Action = { type: 'Send'; content: string };

export const initial: Messages = [];

export const reduce: Reduce<Messages, Action> = (messages, action) => {
  switch (action.type) {
    case 'Send':
      return ask([...messages, { role: 'user', content: action.content }]);
    case 'ModelAnswered': {
      const next: Messages = [...messages, { role: 'assistant', content: action.message.content }];
      const calls = action.message.content.filter((block) => block.type === 'tool_use');
      if (calls.length === 0) return [next, [{ type: 'Reply', value: textOf(next) }]];
      return [next, calls.map(({ id, name, input }) => ({ type: 'RunTool', id, name, input }))];
    }
    case 'ToolFinished': {
      const { id, text, isError } = action;
      const result = {
        type: 'tool_result' as const,
        tool_use_id: id,
        content: text,
        is_error: isError,
      };
      return ask([...messages, { role: 'user', content: [result] }]);
    }
    case 'EffectFailed':
      return [messages, [{ type: 'Fail', error: action.error }]];
  }
};

const TOOLS: ModelRequest['tools'] = [
  {
    name: 'find_order',
    description: 'Finds an order.',
    input_schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
  },
];

function ask(messages: Messages): ReturnType<typeof reduce> {
  const request = { model: 'any', max_tokens: 1024, messages, tools: TOOLS };
  return [messages, [{ type: 'CallModel', id: 'model', request }]];
}

function textOf(messages: Messages): string {
  const content = messages.at(-1)?.content ?? '';
  if (typeof content === 'string') return content;
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}
