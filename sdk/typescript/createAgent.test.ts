import { describe, expect, it } from '@jest/globals';
import { createAgent } from './createAgent.ts';
import type { Effect, ModelRequest, Reduce, Settled } from './effects.ts';
import { ToolError } from './errors.ts';
import { answering, calling, failing, testEnvironment } from './testEnvironment.ts';
import type { TestModel, TestTool } from './testEnvironment.ts';

interface State {
  messages: ModelRequest['messages'];
  calls: number;
}

type Action = { type: 'Send'; content: string };

const initial: State = { messages: [], calls: 0 };

/** A chat: what the user says is recorded, then the model answers, with the tools that it asks for. */
const reduce: Reduce<State, Action> = (state, action) => {
  switch (action.type) {
    case 'Send': {
      const event = { type: 'LlmInteraction', actor: 'anna', action: 'send_message' } as const;
      return ask(said(state, 'user', action.content), [{ type: 'Audit', event }]);
    }
    case 'ModelAnswered':
      return answered(state, action.message);
    case 'ToolFinished': {
      const { id, text, isError } = action;
      const result = { type: 'tool_result', tool_use_id: id, content: text, is_error: isError };
      return ask(said(state, 'user', [result] as ModelRequest['messages'][0]['content']));
    }
    case 'EffectFailed':
      return [state, [{ type: 'Fail', error: action.error }]];
  }
};

function said(
  state: State,
  role: 'user' | 'assistant',
  content: ModelRequest['messages'][0]['content'],
): State {
  return { ...state, messages: [...state.messages, { role, content }] };
}

function ask(state: State, before: Effect[] = []): readonly [State, Effect[]] {
  const request = { model: 'any', max_tokens: 99, messages: state.messages };
  const id = `call-${state.calls}`;
  return [{ ...state, calls: state.calls + 1 }, [...before, { type: 'CallModel', id, request }]];
}

function answered(
  state: State,
  { content }: (Settled & { type: 'ModelAnswered' })['message'],
): readonly [State, Effect[]] {
  const next = said(state, 'assistant', content);
  const calls = content.filter((block) => block.type === 'tool_use');
  if (calls.length > 0) {
    return [next, calls.map(({ id, name, input }) => ({ type: 'RunTool', id, name, input }))];
  }
  const [first] = content;
  return [next, [{ type: 'Reply', value: first?.type === 'text' ? first.text : '' }]];
}

const call = (name: string): ReturnType<typeof calling> => calling(name, { id: '7' }, 'tool-1');

function chat(
  model: TestModel,
  tools: Record<string, TestTool> = {},
): {
  environment: ReturnType<typeof testEnvironment>;
  send: (content?: string) => Promise<unknown>;
} {
  const environment = testEnvironment({ model, tools });
  const { dispatch } = createAgent({ initial, reduce, environment });
  return { environment, send: (content = 'Hi') => dispatch({ type: 'Send', content }) };
}

describe('an agent of a reducer', () => {
  it('opens the circuit of its model after five failures, and then fails at once', async () => {
    const { environment, send } = chat(failing(5));
    for (let i = 0; i < 5; i += 1) await expect(send()).rejects.toThrow('UpstreamError');
    expect(environment.circuit('model/primary')).toBe('Open');
    await expect(send()).rejects.toThrow('CircuitBreakerOpen');
    expect(environment.requests).toHaveLength(5);
    environment.advance(20_000);
    expect(environment.circuit('model/primary')).toBe('HalfOpen');
    expect([await send(), await send()]).toEqual(['Hello.', 'Hello.']);
    expect(environment.circuit('model/primary')).toBe('Closed');
  });

  it('replies with what the model says, after the audit has the event', async () => {
    const { environment, send } = chat((request) => `${request.messages.length} messages`);
    expect([await send('One'), await send('Two')]).toEqual(['1 messages', '3 messages']);
    expect(environment.audited.map(({ action }) => action)).toEqual([
      'send_message',
      'send_message',
    ]);
  });

  it('gives the model the result of a tool', async () => {
    const tools = { find_order: (input: unknown) => ({ found: input }) };
    const { environment, send } = chat(answering(call('find_order'), 'It is there.'), tools);
    expect(await send()).toBe('It is there.');
    expect(environment.requests.at(-1)!.messages.at(-1)).toMatchObject({
      content: [{ tool_use_id: 'tool-1', content: '{"found":{"id":"7"}}', is_error: false }],
    });
  });

  it('tells the model of an error of a tool, and only a fault of the tool opens its circuit', async () => {
    const thrown: Error[] = [];
    const tools = {
      find_order: () => {
        throw thrown[0] ?? new Error('no connection');
      },
    };
    const model: TestModel = (_, n) => (n % 2 === 0 ? call('find_order') : 'Sorry.');
    const { environment, send } = chat(model, tools);
    thrown.push(new ToolError('No order 7.'));
    for (let i = 0; i < 9; i += 1) expect(await send()).toBe('Sorry.');
    expect(environment.circuit('tool/find_order')).toBe('Closed');
    expect(environment.requests[1]!.messages.at(-1)).toMatchObject({
      content: [{ content: 'No order 7.', is_error: true }],
    });
    thrown.pop();
    environment.advance(60_000);
    for (let i = 0; i < 9; i += 1) expect(await send()).toBe('Sorry.');
    expect(environment.circuit('tool/find_order')).toBe('Open');
  });

  it('has the reducer decide when there is no such tool', async () => {
    const { send } = chat(answering(call('gone')));
    await expect(send()).rejects.toThrow('NotFound: no tool gone; testEnvironment has none');
  });

  it('takes one action at a time, in their order', async () => {
    const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const { environment, send } = chat((_, n) => gates[n]!.promise);
    const [first, second] = [send('One'), send('Two')];
    gates[1]!.resolve('late');
    gates[0]!.resolve('early');
    expect(await Promise.all([first, second])).toEqual(['early', 'late']);
    expect(environment.requests.map(({ messages }) => messages.length)).toEqual([1, 3]);
  });

  it('goes on after an action that has failed', async () => {
    const { send } = chat(failing(1));
    await expect(send()).rejects.toThrow('UpstreamError');
    expect(await send()).toBe('Hello.');
  });

  it('does not call the model when the audit fails', async () => {
    const environment = testEnvironment();
    environment.audit = () => Promise.reject(new Error('AuditUnavailable'));
    const { dispatch } = createAgent({ initial, reduce, environment });
    await expect(dispatch({ type: 'Send', content: 'Hi' })).rejects.toThrow('AuditUnavailable');
    expect(environment.requests).toEqual([]);
  });

  it('aborts the other effects of an action that fails', async () => {
    const aborted = Promise.withResolvers<boolean>();
    const environment = testEnvironment({
      model: failing(1),
      tools: {
        slow: (_, signal) =>
          signal.addEventListener('abort', () => aborted.resolve(signal.aborted)),
      },
    });
    const request = { model: 'any', max_tokens: 9, messages: [] };
    const { dispatch } = createAgent<number, { type: 'Go' }>({
      initial: 0,
      environment,
      reduce: (state, action) => {
        if (action.type === 'EffectFailed') return [state, [{ type: 'Fail', error: action.error }]];
        if (action.type !== 'Go') return [state, []];
        const slow = { type: 'RunTool', id: '1', name: 'slow', input: {} } as const;
        return [state, [slow, { type: 'CallModel', id: '2', request }]];
      },
    });
    await expect(dispatch({ type: 'Go' })).rejects.toThrow('UpstreamError');
    expect(await aborted.promise).toBe(true);
  });

  it('reports incidents, and resolves with nothing where there is no reply', async () => {
    const environment = testEnvironment();
    const incident = { type: 'PromptInjection', level: 'High', client: 'anna' } as const;
    const agent = createAgent<number, { type: 'Go' }>({
      initial: 0,
      environment,
      reduce: (state) => [state + 1, [{ type: 'Report', incident }]],
    });
    expect(await agent.dispatch({ type: 'Go' })).toBeUndefined();
    expect([agent.state, environment.incidents]).toEqual([1, [incident]]);
  });

  it('ends an action whose reducer never comes to an end', async () => {
    const environment = testEnvironment();
    const request = { model: 'any', max_tokens: 9, messages: [] };
    const { dispatch } = createAgent<number, { type: 'Go' }>({
      initial: 0,
      environment,
      maxSteps: 7,
      reduce: (state) => [state, [{ type: 'CallModel', id: '1', request }]],
    });
    await expect(dispatch({ type: 'Go' })).rejects.toThrow('7 steps of the reducer');
    expect(environment.requests).toHaveLength(7);
  });

  it('refuses a second reply', async () => {
    const { dispatch } = createAgent<number, { type: 'Go' }>({
      initial: 0,
      environment: testEnvironment(),
      reduce: (state) => [state, [1, 2].map((value) => ({ type: 'Reply', value }))],
    });
    await expect(dispatch({ type: 'Go' })).rejects.toThrow('replied twice');
  });
});
