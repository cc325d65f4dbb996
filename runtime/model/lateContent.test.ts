import { describe, expect, it } from '@jest/globals';
import { STREAM, sse } from '../testing/upstream.ts';
import { virtualModel } from '../testing/virtualModel.ts';
import type { Client, Script } from '../testing/virtualModel.ts';

const SECOND = 1000;
const EVENTS = ['content-type', 'text/event-stream'];
const ASKED = { stream: true };

/** A stream that begins at once, and has its content so late. */
const late = (ms: number): Script => ({
  ...{ headMs: 0, headers: EVENTS },
  body: [
    [0, STREAM[0]!],
    [ms, STREAM.slice(1).join('')],
  ],
  endMs: ms,
});
const breaks = (ms: number): Script => ({
  ...{ headMs: 0, headers: EVENTS, body: [[0, STREAM[0]!]], endMs: ms, breaks: true },
});
const refuses = (ms: number): Script => ({
  ...{ headMs: ms, endMs: ms, status: 529, headers: ['content-type', 'application/json'] },
  body: [[ms, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}']],
});
const seconds = ({ headMs = 0 }: Client): number => Math.round(headMs / SECOND);

const PING = sse('ping');
const WHOLE = STREAM.join('');

/** Each endpoint is asked once. */
const retry = { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 20 };
const timeouts = { connectMs: 1000, requestMs: 300_000, firstTokenMs: 60_000 };

describe('content that is late', () => {
  it('gives the client a head and a ping of ours after a 200 and 10 s, and a ping each 10 s', async () => {
    const model = virtualModel({ primary: () => late(35 * SECOND) }, { timeouts });
    const { client } = await model.ask(ASKED);
    expect([client.status, seconds(client), client.ended]).toEqual([200, 10, true]);
    expect(client.text).toBe(PING.repeat(3) + WHOLE);
  });

  it('gives the client nothing before a 200', async () => {
    const model = virtualModel(
      { primary: () => ({ ...late(0), headMs: 35 * SECOND, endMs: 35 * SECOND }) },
      { timeouts },
    );
    const { client } = await model.ask(ASKED);
    expect([seconds(client), client.text]).toEqual([35, WHOLE]);
  });

  it('that never comes moves on, and the other stream follows the pings', async () => {
    const model = virtualModel(
      { primary: () => breaks(15 * SECOND), spare: () => late(12 * SECOND) },
      { timeouts, retry },
    );
    const { client, answer } = await model.ask(ASKED);
    expect([client.status, client.ended]).toEqual([200, true]);
    expect(client.text).toBe(PING.repeat(2) + WHOLE);
    expect(answer).toMatchObject({
      dependency: 'model/spare',
      result: { outcome: { vote: 'ok' } },
    });
  });

  it('ends with the error of the last endpoint once a head has gone out', async () => {
    const model = virtualModel(
      { primary: () => breaks(15 * SECOND), spare: () => refuses(SECOND) },
      { timeouts, retry },
    );
    const { client, answer } = await model.ask(ASKED);
    expect([client.status, client.ended]).toEqual([200, true]);
    expect(client.text).toBe(
      `${PING}event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n`,
    );
    expect(answer).toMatchObject({ result: { committed: true, status: 529 } });
  });

  it('that breaks after a head has gone out is broken off', async () => {
    const model = virtualModel({ primary: () => breaks(15 * SECOND) }, { timeouts, retry });
    const { client, answer } = await model.ask(ASKED);
    expect([client.text, client.ended]).toEqual([PING, false]);
    expect(answer).toMatchObject({ result: { committed: true, fault: 'BrokeOff' } });
  });

  it('cannot be replaced by an answer that is no stream once a head has gone out', async () => {
    const json = { headMs: 0, headers: ['content-type', 'application/json'], endMs: 0 };
    const model = virtualModel(
      {
        primary: () => breaks(15 * SECOND),
        spare: () => ({ ...json, body: [[0, '{"type":"message"}']] }),
      },
      { timeouts, retry },
    );
    const { client, answer } = await model.ask(ASKED);
    expect([client.text, client.ended]).toEqual([PING, false]);
    expect(answer).toMatchObject({ result: { committed: true, fault: 'InvalidResponse' } });
  });

  it('of a turn of the agent itself gives nothing before its content', async () => {
    const model = virtualModel({ primary: () => late(35 * SECOND) }, { timeouts });
    const { client } = await model.ask({ ...ASKED, ownTurn: true });
    expect([seconds(client), client.text]).toEqual([35, WHOLE]);
  });
});
