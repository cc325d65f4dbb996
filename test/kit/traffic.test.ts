import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Model } from '../../cli/simulator/model.ts';
import { startModel } from '../../cli/simulator/model.ts';
import { outcome, since, Traffic } from './traffic.ts';
import { waitFor } from './wait.ts';

describe('test traffic', () => {
  let model: Model;

  beforeEach(async () => {
    model = await startModel();
  });

  afterEach(() => model.stop());

  it('counts the outcomes of a burst by status', async () => {
    model.setFault({ status: 429, retryAfter: 3 });
    const report = await new Traffic().burst({ url: model.url, count: 7, concurrency: 3 });
    expect(report).toMatchObject({
      sent: 7,
      answered: 7,
      outcomes: { 429: 7 },
      retryAfter: { 3: 7 },
    });
  });

  it('distinguishes a cut stream from a complete one', async () => {
    const traffic = new Traffic();
    const whole = await traffic.burst({ url: model.url, count: 1, stream: true });
    expect(whole.outcomes).toEqual({ 200: 1 });
    model.setFault({ cutAfterEvents: 3 });
    const cut = await traffic.burst({ url: model.url, count: 1, stream: true });
    expect(cut.outcomes).toEqual({ 'failed ECONNRESET': 1 });
  });

  it('distinguishes a stream with an error at its end from a complete one', () => {
    const body = (end: string): string => `event: message_start\ndata: {}\n\n${end}`;
    const answer = { status: 200, headers: {}, complete: true, ms: 1 };
    const error = 'event: error\ndata: {"type":"error","error":{"type":"api_error"}}\n\n';
    const stop = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
    expect(outcome({ ...answer, body: body(error) })).toBe('200 api_error');
    expect(outcome({ ...answer, body: body(stop) })).toBe('200');
  });

  it('runs at a rate until it is stopped', async () => {
    const traffic = new Traffic();
    traffic.run({ url: model.url, rate: 200 });
    await waitFor(
      'ten answers',
      () => traffic.report(),
      ({ answered }) => answered >= 10,
    );
    traffic.run(undefined);
    const first = await waitFor(
      'every request is answered',
      () => traffic.report(),
      ({ sent, answered }) => sent === answered,
    );
    expect(since(first, traffic.report())).toMatchObject({ sent: 0, answered: 0, outcomes: {} });
  });
});
