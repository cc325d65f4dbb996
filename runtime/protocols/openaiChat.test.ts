import { describe, expect, it } from '@jest/globals';
import { scanObject } from '../json/scan.ts';
import { openaiChat } from './openaiChat.ts';
import type { RequestFacts, StreamJudge } from './protocol.ts';

const ROUTE = openaiChat.route('POST', '/v1/chat/completions')!;

function scanned(text: string): {
  body: Buffer;
  found: NonNullable<ReturnType<typeof scanObject>>;
} {
  const body = Buffer.from(text);
  return { body, found: scanObject(body, openaiChat.members)! };
}

function read(request: object): RequestFacts {
  const { body, found } = scanned(JSON.stringify(request));
  return openaiChat.read(body, found, ROUTE) as RequestFacts;
}

function sent(
  request: object,
  { addsUsage = false, ...endpoint }: { addsUsage?: boolean; model?: string; maxTokens?: number },
): unknown {
  const { body, found } = scanned(JSON.stringify(request));
  const { size, maxTokens } = openaiChat.read(body, found, ROUTE) as RequestFacts;
  const { members } = found;
  const changed = openaiChat.bodyFor({ body, members, size, maxTokens, addsUsage }, endpoint);
  return JSON.parse(changed.toString());
}

interface Judged {
  judge: StreamJudge;
  usage: unknown;
  hidden: boolean[];
  firstTokens: number[];
}

/** Takes the data of events, and says after which of them there was content. */
function judged(data: readonly (string | object)[], hidesUsage = false): Judged {
  const firstTokens: number[] = [];
  let at = 0;
  const meter = openaiChat.meter(1, false, hidesUsage);
  const judge = meter.stream({
    onEvent: () => undefined,
    onFirstToken: () => firstTokens.push(at),
  });
  const hidden = data.map((each, i) => {
    at = i;
    const text = typeof each === 'string' ? each : JSON.stringify(each);
    judge.take({ event: '', data: text, truncated: false });
    return judge.hidden === true;
  });
  return { judge, usage: meter.usage(), hidden, firstTokens };
}

const chunk = (delta: object, finish: string | null = null, index = 0): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'gpt-test',
  choices: [{ index, delta, finish_reason: finish }],
});
const USAGE = {
  prompt_tokens: 1000,
  completion_tokens: 20,
  prompt_tokens_details: { cached_tokens: 900 },
};
const ROLE = chunk({ role: 'assistant', content: '' });
const WORD = chunk({ content: 'calm' });
const STOP = chunk({}, 'stop');
const DONE = '[DONE]';

describe('a request for a chat completion', () => {
  it('says its model, its bound of tokens for all answers, and whether it lacks the usage', () => {
    const asked = {
      model: 'gpt-test',
      stream: true,
      max_completion_tokens: 50,
      n: 3,
      messages: [],
    };
    const { size, ...facts } = read(asked);
    expect(facts).toEqual({ model: 'gpt-test', stream: true, maxTokens: 150, lacksUsage: true });
    expect(size.maxTokens).toBe(150);
    expect(read({ ...asked, stream_options: { include_usage: true } }).lacksUsage).toBeUndefined();
    expect(read({ ...asked, stream: false }).lacksUsage).toBeUndefined();
    expect(read({ model: 'm', max_tokens: 7, messages: [] }).maxTokens).toBe(7);
    expect(read({ model: 'm', messages: [] }).maxTokens).toBeUndefined();
  });

  it('counts images, sounds and files by their kind and not by their bytes', () => {
    const data = 'A'.repeat(4000);
    const parts = [
      { type: 'text', text: 'What is this?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } },
      { type: 'input_audio', input_audio: { data, format: 'wav' } },
      { type: 'file', file: { file_data: `data:application/pdf;base64,${data}` } },
    ];
    const { size } = read({ model: 'm', messages: [{ role: 'user', content: parts }] });
    expect(size.mediaTokens).toBe(1600 + 1600 + 2500);
    expect(size.textBytes).toBeLessThan(600);
  });

  it('goes out with the endpoint’s own model and bound, and else unchanged', () => {
    const asked = { model: 'a', max_tokens: 100, n: 2, messages: [] };
    expect(sent(asked, { model: 'b', maxTokens: 60 })).toEqual({ ...asked, model: 'b', max_tokens: 60 }); // prettier-ignore
    expect(sent(asked, { maxTokens: 100 })).toEqual(asked);
  });

  it('asks for the usage of its stream where that is wanted', () => {
    const asked = { model: 'a', stream: true, messages: [] };
    expect(sent(asked, { addsUsage: true })).toEqual({
      ...asked,
      stream_options: { include_usage: true },
    });
    for (const options of [null, { include_usage: false }, {}]) {
      expect(sent({ ...asked, stream_options: options }, { addsUsage: true, model: 'b' })).toEqual({
        ...asked,
        model: 'b',
        stream_options: { include_usage: true },
      });
    }
  });

  it('belongs to the session of its cache key, else of its instructions and first message', () => {
    const texts = (request: object): unknown => {
      const { body, found } = scanned(JSON.stringify(request));
      return openaiChat.promptTexts(body, found.members);
    };
    const messages = [
      { role: 'system', content: 'Be calm.' },
      { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
      { role: 'assistant', content: 'Hi' },
      { role: 'user', content: 'More' },
    ];
    expect(texts({ messages })).toEqual([[], ['Be calm.'], ['Hello']]);
    expect(texts({ messages, prompt_cache_key: 'k' })).toEqual([['k']]);
    expect(texts({ messages: [] })).toBeUndefined();
  });
});

describe('a stream of a chat completion', () => {
  it('has content from the first text, not from its role, and ends with [DONE]', () => {
    const { judge, firstTokens } = judged([ROLE, WORD, STOP, DONE]);
    expect(firstTokens).toEqual([1]);
    expect(judge).toMatchObject({ complete: true, outcome: { vote: 'ok' } });
  });

  it.each([
    ['thoughts', { reasoning_content: 'hm' }],
    ['a call of a tool', { tool_calls: [{ index: 0, function: { name: 'f', arguments: '' } }] }],
    ['a refusal', { refusal: 'No' }],
  ])('has content from %s on', (_, delta) => {
    expect(judged([ROLE, chunk(delta)]).firstTokens).toEqual([1]);
  });

  it('lacks only its end once each of its choices has a reason for its end', () => {
    expect(judged([WORD, STOP]).judge.lacksOnlyStop).toBe(true);
    expect(judged([WORD]).judge.lacksOnlyStop).toBe(false);
    expect(judged([WORD, chunk({ content: 'b' }, null, 1), STOP]).judge.lacksOnlyStop).toBe(false);
    expect(judged([STOP, chunk({}, 'length', 1)]).judge.lacksOnlyStop).toBe(true);
    expect(judged([STOP, DONE]).judge.lacksOnlyStop).toBe(false);
  });

  it('fails without an answer, and with an event that is no JSON', () => {
    expect(judged([DONE]).judge.outcome).toMatchObject({ class: 'InvalidResponse' });
    const { judge } = judged([WORD, '{"choices":']);
    expect(judge).toMatchObject({ complete: false, outcome: { class: 'InvalidResponse' } });
  });

  it.each([
    [{ code: 'rate_limit_exceeded', type: 'requests' }, { class: 'RateLimited' }, 'RateLimited'],
    [{ code: 'insufficient_quota' }, { vote: 'ignored' }, 'SpendLimit'],
    [{ code: 'invalid_api_key', type: 'invalid_request_error' }, { vote: 'ignored' }, 'Unauthorized'], // prettier-ignore
    [{ code: null, type: 'server_error' }, { class: 'ServerError' }, undefined],
    [{ code: 500, type: 'InternalServerError' }, { class: 'ServerError' }, undefined],
    [{ code: 503 }, { class: 'Overloaded' }, undefined],
    [{ code: 400, type: 'BadRequestError' }, { vote: 'ignored' }, undefined],
    [{ message: 'no code' }, { class: 'ServerError' }, undefined],
  ])('ends with the error %j', (error, outcome, gate) => {
    const { judge } = judged([{ error }]);
    expect(judge).toMatchObject({ complete: true, begun: false, outcome });
    expect(judge.gate).toBe(gate);
  });

  it('counts cached input once, apart from the input that limits count', () => {
    const { usage } = judged([WORD, STOP, { choices: [], usage: USAGE }, DONE]);
    expect(usage).toEqual({ inputTokens: 100, outputTokens: 20, cacheReadTokens: 900 });
  });

  it('estimates the output while no usage has come', () => {
    const { usage } = judged([chunk({ content: 'x'.repeat(35) })]);
    expect(usage).toEqual({ outputTokens: 10 });
  });

  it('hides the usage that only we have asked for', () => {
    const events = [ROLE, WORD, STOP, { choices: [], usage: USAGE }, DONE];
    expect(judged(events, true).hidden).toEqual([false, false, false, true, false]);
    expect(judged(events).hidden).not.toContain(true);
  });
});

describe('an unstreamed chat completion', () => {
  const judgement = (answer: object, isMessage = true): unknown => {
    const meter = openaiChat.meter(1);
    const body = Buffer.from(JSON.stringify(answer));
    const result = meter.judge(body, scanObject(body, meter.members), isMessage);
    return { ...result, usage: meter.usage(), facts: meter.facts() };
  };

  it('has choices, with its usage', () => {
    const choices = [{ index: 0, message: { content: 'calm' }, finish_reason: 'stop' }];
    expect(judgement({ id: 'c', model: 'm', choices, usage: USAGE })).toMatchObject({
      outcome: { vote: 'ok' },
      usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 900 },
      facts: { id: 'c', model: 'm', stopReason: 'stop' },
    });
    expect(judgement({ hello: 1 })).toMatchObject({ outcome: { class: 'InvalidResponse' } });
    expect(judgement({ object: 'list' }, false)).toMatchObject({ outcome: { vote: 'ok' } });
  });

  it('with an error has the status of that error', () => {
    expect(judgement({ error: { code: 'rate_limit_exceeded' } })).toMatchObject({
      errorStatus: 429,
    });
    expect(judgement({ error: { message: 'x' } })).toMatchObject({ errorStatus: 500 });
  });
});

it('an error of ours has OpenAI’s form, as an answer and within a stream', () => {
  const failure = { reason: 'CircuitBreakerOpen' as const, message: 'why' };
  const body = openaiChat.errorBody(failure, 'req_1');
  expect(JSON.parse(body)).toEqual({
    error: { message: 'why', type: 'server_error', param: null, code: 'CircuitBreakerOpen' },
    request_id: 'req_1',
  });
  expect(openaiChat.errorEvent(failure, 'req_1')).toBe(`data: ${body}\n\n`);
  const held = { error: { message: 'down', type: 'x', code: 'y' } };
  expect(openaiChat.errorEventOf(held).toString()).toBe(`data: ${JSON.stringify(held)}\n\n`);
  expect(openaiChat.errorEventOf('<html>').toString()).toContain('server_error');
});
