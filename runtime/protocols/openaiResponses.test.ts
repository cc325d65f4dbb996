import { describe, expect, it } from '@jest/globals';
import { scanObject } from '../json/scan.ts';
import { openaiResponses } from './openaiResponses.ts';
import type { RequestFacts, StreamJudge } from './protocol.ts';

const ROUTE = openaiResponses.route('POST', '/v1/responses')!;

function read(request: object): RequestFacts {
  const body = Buffer.from(JSON.stringify(request));
  return openaiResponses.read(body, scanObject(body, openaiResponses.members)!, ROUTE) as RequestFacts; // prettier-ignore
}

interface Judged {
  judge: StreamJudge;
  usage: unknown;
  firstTokens: number[];
}

function judged(...events: object[]): Judged {
  const firstTokens: number[] = [];
  let at = 0;
  const meter = openaiResponses.meter(1);
  const judge = meter.stream({
    onEvent: () => undefined,
    onFirstToken: () => firstTokens.push(at),
  });
  for (const [i, event] of events.entries()) {
    at = i;
    judge.take({ event: '', data: JSON.stringify(event), truncated: false });
  }
  return { judge, usage: meter.usage(), firstTokens };
}

const response = (more: object = {}): object => ({ id: 'resp_1', model: 'm', output: [], ...more });
const CREATED = { type: 'response.created', response: response({ status: 'in_progress' }) };
const ADDED = { type: 'response.output_item.added', output_index: 0, item: { type: 'message' } };
const WORD = { type: 'response.output_text.delta', delta: 'calm' };
const USAGE = {
  input_tokens: 1000,
  output_tokens: 20,
  input_tokens_details: { cached_tokens: 900 },
};

describe('a request for a response', () => {
  it('says its model and bound of tokens', () => {
    const { size: _, ...facts } = read({
      model: 'm',
      stream: true,
      max_output_tokens: 9,
      input: 'a',
    });
    expect(facts).toEqual({ model: 'm', stream: true, maxTokens: 9 });
  });

  it.each([
    [{ previous_response_id: 'resp_1' }, true],
    [{ previous_response_id: null }, undefined],
    [{ conversation: { id: 'conv_1' } }, true],
    [{ background: true }, true],
    [{ background: false, conversation: null }, undefined],
  ])('with %j uses the state of one endpoint: %s', (more, expected) => {
    expect(read({ model: 'm', input: 'a', ...more }).usesState).toBe(expected);
  });
});

describe('a stream of a response', () => {
  it('begins with its first item and ends with response.completed', () => {
    const end = { type: 'response.completed', response: response({ usage: USAGE }) };
    const { judge, usage, firstTokens } = judged(CREATED, ADDED, WORD, end);
    expect(firstTokens).toEqual([1]);
    expect(judge).toMatchObject({ complete: true, outcome: { vote: 'ok' } });
    expect(usage).toEqual({ inputTokens: 100, outputTokens: 20, cacheReadTokens: 900 });
  });

  it('ends with response.incomplete as well, but not with [DONE] alone', () => {
    expect(judged(WORD, { type: 'response.incomplete', response: response() }).judge.complete).toBe(true); // prettier-ignore
    const { judge } = judged(CREATED, WORD);
    judge.take({ event: '', data: '[DONE]', truncated: false });
    expect(judge).toMatchObject({ complete: false, lacksOnlyStop: false });
    expect(judge.outcome).toMatchObject({ class: 'InvalidResponse' });
  });

  it('is complete even if its last event is too large to read', () => {
    const { judge } = judged(CREATED, WORD);
    judge.take({ event: 'response.completed', data: '{"type":', truncated: true });
    expect(judge).toMatchObject({ complete: true, outcome: { vote: 'ok' } });
  });

  it.each([
    [{ type: 'error', code: 'server_error', message: 'x' }, { class: 'ServerError' }],
    [{ type: 'error', error: { code: 'rate_limit_exceeded' } }, { class: 'RateLimited' }],
    [
      { type: 'response.failed', response: response({ error: { code: 'server_is_overloaded' } }) },
      { class: 'Overloaded' },
    ],
    [
      { type: 'response.failed', response: response({ error: { code: 'insufficient_quota' } }) },
      { vote: 'ignored' },
    ],
  ])('fails with %j', (event, outcome) => {
    expect(judged(CREATED, event).judge).toMatchObject({ complete: true, begun: false, outcome });
  });
});

it('an unstreamed response that has failed has the status of its error', () => {
  const meter = openaiResponses.meter(1);
  const judge = (answer: object): unknown => {
    const body = Buffer.from(JSON.stringify(answer));
    return meter.judge(body, scanObject(body, meter.members), true);
  };
  expect(judge(response({ error: null, status: 'completed' }))).toEqual({
    outcome: { vote: 'ok' },
  });
  const error = { code: 'server_error', message: 'x' };
  expect(judge(response({ error, status: 'failed' }))).toMatchObject({ errorStatus: 500 });
  expect(judge({ id: 'x' })).toMatchObject({ outcome: { class: 'InvalidResponse' } });
});

it('an error of ours within a stream is an event that says its error twice', () => {
  const text = openaiResponses.errorEvent({ reason: 'UpstreamUnreachable', message: 'why' }, 'r');
  const [event, data] = text.trimEnd().split('\n');
  expect(event).toBe('event: error');
  expect(JSON.parse(data!.slice('data: '.length))).toMatchObject({
    type: 'error',
    code: 'UpstreamUnreachable',
    message: 'why',
    error: { type: 'server_error', code: 'UpstreamUnreachable' },
  });
});
