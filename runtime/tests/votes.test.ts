import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { Cleanups, circuit, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerJson } from '../testing/upstream.ts';
import type { Seen } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const COUNT = { path: '/v1/messages/count_tokens' };
const MODELS = { method: 'GET', path: '/v1/models', body: '' };
const RETRY = {
  maxAttempts: 3,
  baseDelayMs: 1,
  maxDelayMs: 2,
  budgetPercent: 100,
  minPerSecond: 1,
};

/** Messages fail; whatever else is asked for works. */
function messagesFail(response: ServerResponse, { url }: Seen): void {
  if (url === '/v1/messages') answerJson(response, { type: 'error' }, 500);
  else answerJson(response, { data: [], input_tokens: 3 });
}

const ask = ({ agent }: Setup, sent = {}): Promise<Answer> => send(agent.url, sent);

describe('the circuit of a model', () => {
  it('opens although clients count tokens after each failed message', async () => {
    const context = await setup(cleanups, messagesFail, {
      circuits: [{ ...TOUCHY, trip: { consecutiveFailures: 5 } }],
    });
    for (let i = 0; i < 5; i += 1) {
      expect(circuit(context)).toBe('Closed');
      await ask(context);
      expect((await ask(context, COUNT)).status).toBe(200);
    }
    expect(circuit(context)).toBe('Open');
  });

  it('lets requests through that ask for no message while it is open', async () => {
    const context = await setup(cleanups, messagesFail, { circuits: [TOUCHY] });
    await ask(context);
    expect((await ask(context)).status).toBe(503);
    expect((await ask(context, COUNT)).status).toBe(200);
    expect((await ask(context, MODELS)).status).toBe(200);
  });

  it('is not closed by lists of models while messages still fail', async () => {
    const context = await setup(cleanups, messagesFail, {
      circuits: [{ ...TOUCHY, openDurationMs: 1, maxOpenDurationMs: 1 }],
    });
    await ask(context);
    await until(() => circuit(context) === 'HalfOpen');
    for (let i = 0; i < 3; i += 1) await ask(context, MODELS);
    expect(circuit(context)).toBe('HalfOpen');
  });

  it('rejects all requests while an override holds it open', async () => {
    const context = await setup(cleanups, messagesFail, {
      circuits: [{ ...TOUCHY, override: { state: 'Open' } }],
    });
    expect((await ask(context, COUNT)).status).toBe(503);
    expect((await ask(context, MODELS)).status).toBe(503);
  });

  it('counts all failures of one request as one in a row', async () => {
    const context = await setup(cleanups, messagesFail, {
      circuits: [{ ...TOUCHY, trip: { consecutiveFailures: 3 } }],
      retry: RETRY,
    });
    await ask(context);
    await ask(context);
    expect(context.endpoint.seen.length).toBeGreaterThanOrEqual(5);
    expect(circuit(context)).toBe('Closed');
    await ask(context);
    expect(circuit(context)).toBe('Open');
  });

  it('counts all failures of one request in a rate', async () => {
    const rate = { percent: 50, windowMs: 60_000, minimumCalls: 3 };
    const context = await setup(cleanups, messagesFail, {
      circuits: [{ ...TOUCHY, trip: { failureRate: rate } }],
      retry: RETRY,
    });
    await ask(context);
    expect(circuit(context)).toBe('Open');
  });
});
