import { afterEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import type { Answer, Sent } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { RETRY, fine, startPool, status } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { Cleanups, STREAMED } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const pool = (parts: Part[], content: Parts<Content> = {}): Promise<Pool> =>
  startPool(cleanups, parts, content);
const ask = ({ agent }: Pool, sent: Sent = {}): Promise<Answer> => send(agent.url, sent);

const refusing =
  (code: number, type: string, message: string): Behaviour =>
  (response) =>
    response
      .writeHead(code, { 'content-type': 'application/json' })
      .end(JSON.stringify({ type: 'error', error: { type, message } }));

describe('what asks for no message', () => {
  it.each([
    ['GET', '/v1/models?limit=1000'],
    ['GET', '/v1/models/claude-test'],
  ])('moves on from an endpoint that hangs, within 3 s: %s %s', async (method, path) => {
    const context = await pool([
      { name: 'primary', does: () => undefined },
      { name: 'spare', priority: 1, does: fine },
    ]);
    const answer = await ask(context, { method, path, body: '' });
    expect(answer.status).toBe(200);
    expect(context.seen()).toEqual({ primary: 1, spare: 1 });
  });
});

describe('an error that is the client’s own', () => {
  const missing = refusing(404, 'not_found_error', 'model: large');

  it('moves on when it is a 404 for the endpoint’s own model', async () => {
    const context = await pool([
      { name: 'primary', model: 'large', does: missing },
      { name: 'spare', priority: 1, does: fine },
    ]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 1, spare: 1 });
  });

  it('does not move on when it is a 404 for the model that the client named', async () => {
    const context = await pool([
      { name: 'primary', does: missing },
      { name: 'spare', priority: 1, does: fine },
    ]);
    expect((await ask(context)).status).toBe(404);
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
  });

  it('moves on to a larger context when the prompt is too long', async () => {
    const message = 'prompt is too long: 210000 tokens > 200000 maximum';
    const context = await pool([
      {
        name: 'primary',
        contextTokens: 200_000,
        does: refusing(400, 'invalid_request_error', message),
      },
      { name: 'same', priority: 1, contextTokens: 200_000, does: fine },
      { name: 'unknown', priority: 2, does: fine },
      { name: 'large', priority: 3, contextTokens: 1_000_000, does: fine },
    ]);
    expect((await ask(context)).status).toBe(200);
    expect(context.seen()).toEqual({ primary: 1, same: 0, unknown: 0, large: 1 });
  });
});

describe('an endpoint that fails fast', () => {
  it('does not attract the traffic by having no calls in flight', async () => {
    const held: ServerResponse[] = [];
    // Answers the oldest of its calls when it has five.
    const slow: Behaviour = (response) => {
      held.push(response);
      if (held.length > 5) fine(held.shift()!);
    };
    const context = await pool(
      [
        { name: 'slow', does: slow },
        { name: 'failing', does: status(500) },
      ],
      { retry: { ...RETRY, maxAttempts: 1, budgetPercent: 0, minPerSecond: 0 } },
    );
    const answers: Promise<Answer>[] = [];
    for (let i = 1; i <= 150; i += 1) {
      answers.push(ask(context));
      await until(() => context.seen().slow! + context.seen().failing! === i);
    }
    // One call at most before the first failure is known, and one while it is judged.
    expect(context.seen().failing).toBeLessThanOrEqual(3);
    for (const response of held) fine(response);
    await Promise.all(answers);
  });
});

describe('a conversation that was moved away', () => {
  const serves: Behaviour = (response) => answerStream(response, said({ text: 'Hello' }));

  it('returns at once to an endpoint of better priority that takes calls again', async () => {
    const circuit = { ...TOUCHY, openDurationMs: 50, maxOpenDurationMs: 50 };
    const primary: Part = { name: 'primary', model: 'm', circuit, does: status(500) };
    const context = await pool(
      [primary, { name: 'spare', model: 'm', priority: 1, does: serves }],
      {
        conversation: CONVERSATION,
      },
    );
    const id = await beginConversation(context.agent.url);
    expect((await say(context.agent.url, id, 'one')).status).toBe(200);
    primary.does = serves;
    await until(() => context.circuits()['model/primary'] === 'HalfOpen');
    const { primary: before = 0, spare } = context.seen();
    expect((await say(context.agent.url, id, 'two')).status).toBe(200);
    expect((await say(context.agent.url, id, 'three')).status).toBe(200);
    expect(context.seen()).toEqual({ primary: before + 2, spare });
  });

  it('returns to it as well when the traffic of others has closed its circuit', async () => {
    const circuit = { ...TOUCHY, openDurationMs: 50, maxOpenDurationMs: 50 };
    const primary: Part = { name: 'primary', model: 'm', circuit, does: status(500) };
    const spare: Part = { name: 'spare', model: 'm', priority: 1, does: serves };
    const context = await pool([primary, spare], { conversation: CONVERSATION });
    const id = await beginConversation(context.agent.url);
    await say(context.agent.url, id, 'one');
    primary.does = serves;
    await until(() => context.circuits()['model/primary'] === 'HalfOpen');
    while (context.circuits()['model/primary'] !== 'Closed') await ask(context, STREAMED);
    const before = context.seen();
    await say(context.agent.url, id, 'two');
    expect(context.seen()).toEqual({ ...before, primary: before.primary! + 1 });
  });

  it('probes a half-open endpoint of the same priority, which would get no call otherwise', async () => {
    const circuit = { ...TOUCHY, openDurationMs: 50, maxOpenDurationMs: 50 };
    const failing: Part = { name: 'failing', model: 'm', circuit, does: status(500) };
    const context = await pool([{ name: 'home', model: 'm', does: serves }, failing], {
      conversation: CONVERSATION,
      loadBalancing: 'RoundRobin',
    });
    await ask(context, STREAMED);
    await ask(context, STREAMED);
    // Open, or already half-open on a slow machine.
    expect(context.circuits()['model/failing']).not.toBe('Closed');
    const id = await beginConversation(context.agent.url);
    await say(context.agent.url, id, 'one');
    failing.does = serves;
    await until(() => context.circuits()['model/failing'] === 'HalfOpen');
    expect((await say(context.agent.url, id, 'two')).status).toBe(200);
    expect(context.circuits()['model/failing']).toBe('Closed');
  });
});
