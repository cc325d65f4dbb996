import { afterEach, describe, expect, it } from '@jest/globals';
import { send } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { RETRY, broken, fine, startPool, status } from '../testing/pool.ts';
import type { Behaviour } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const refusing =
  (code: number, type: string, message: string): Behaviour =>
  (response) =>
    response
      .writeHead(code, { 'content-type': 'application/json' })
      .end(JSON.stringify({ type: 'error', error: { type, message } }));

const REFUSALS: [string, Behaviour][] = [
  ['a prompt that is too long', refusing(400, 'invalid_request_error', 'prompt is too long')],
  ['a feature', refusing(400, 'invalid_request_error', 'tools: not supported')],
  ['a missing model', refusing(404, 'not_found_error', 'model: m')],
  ['a size', refusing(413, 'request_too_large', 'too large')],
];
const retry = { ...RETRY, maxAttempts: 1 };

describe('what a fallback refuses', () => {
  it.each(REFUSALS)(
    'is not the client’s fault when the primary failed: %s',
    async (_name, does) => {
      for (const [primary, expected] of [
        [status(529), 529],
        [broken, 502],
      ] as const) {
        const context = await startPool(
          cleanups,
          [
            { name: 'primary', does: primary },
            { name: 'spare', priority: 1, does },
          ],
          { retry },
        );
        expect((await send(context.agent.url)).status).toBe(expected);
        expect(context.seen()).toEqual({ primary: 1, spare: 1 });
      }
    },
  );

  it.each(REFUSALS)('is 503 while the circuit of the primary is open: %s', async (_name, does) => {
    const context = await startPool(
      cleanups,
      [
        { name: 'primary', does: status(500), circuit: TOUCHY },
        { name: 'spare', priority: 1, does },
      ],
      { retry },
    );
    expect((await send(context.agent.url)).status).toBe(500);
    const { status: code, headers } = await send(context.agent.url);
    expect([code, headers['x-breakwater-reason']]).toEqual([503, 'CircuitBreakerOpen']);
    expect(context.seen()).toEqual({ primary: 1, spare: 2 });
  });

  it('is the client’s own where the fallback was its first choice', async () => {
    const context = await startPool(cleanups, [
      { name: 'primary', does: REFUSALS[0]![1] },
      { name: 'spare', priority: 1, does: fine },
    ]);
    expect((await send(context.agent.url)).status).toBe(400);
  });
});

const thinking = (maxTokens: number): string =>
  JSON.stringify({
    ...{ model: 'm', max_tokens: maxTokens, messages: [] },
    thinking: { type: 'enabled', budget_tokens: 10_000 },
  });

describe('a request that an endpoint cannot take', () => {
  it.each([
    ['with a larger thinking budget', { maxTokens: 8192 }, thinking(16_000)],
    [
      'with a longer prompt',
      { contextTokens: 1000 },
      JSON.stringify({ model: 'm', messages: 'x'.repeat(7000) }),
    ],
  ])('is not moved there: %s', async (_name, spare, body) => {
    const context = await startPool(
      cleanups,
      [
        { name: 'primary', does: status(500), circuit: TOUCHY },
        { name: 'spare', priority: 1, does: fine, ...spare },
      ],
      { retry },
    );
    expect((await send(context.agent.url, { body })).status).toBe(500);
    expect((await send(context.agent.url, { body })).status).toBe(503);
    expect(context.seen()).toEqual({ primary: 1, spare: 0 });
    expect((await send(context.agent.url)).status).toBe(200);
  });

  it('keeps its max_tokens above its thinking budget at the only endpoint', async () => {
    const context = await startPool(cleanups, [{ name: 'primary', does: fine, maxTokens: 8192 }]);
    await send(context.agent.url, { body: thinking(16_000) });
    const { max_tokens: sent } = JSON.parse(
      context.endpoints.primary!.seen[0]!.body.toString(),
    ) as { max_tokens: number };
    expect(sent).toBe(10_001);
  });
});
