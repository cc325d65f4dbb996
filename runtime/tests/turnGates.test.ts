/** Turns of conversations that meet a gate of the provider, over real sockets. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { CONVERSATION, beginConversation, said, say } from '../testing/conversation.ts';
import { startPool, status } from '../testing/pool.ts';
import type { Behaviour, Part, Pool } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerStream } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const fine: Behaviour = (response) => answerStream(response, said({ text: 'Hello' }));

/** A gate that a first turn has shut, and a second conversation. */
async function shut(
  headers: Record<string, string>,
  content: Parts<Content> = {},
): Promise<{ pool: Pool; id: string }> {
  const nothingLeft = { ...headers, 'anthropic-ratelimit-requests-remaining': '0' };
  const does = status(429, nothingLeft);
  const primary: Part = { name: 'primary', model: 'm', key: 'mounted', does };
  const retry = { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 20 };
  const whole = { conversation: CONVERSATION, retry, ...content };
  const pool = await startPool(cleanups, [primary], whole);
  const { url } = pool.agent;
  expect((await say(url, await beginConversation(url), 'Hi')).status).toBe(429);
  primary.does = fine;
  return { pool, id: await beginConversation(url) };
}

describe('a turn at a shut gate', () => {
  it('waits for a gate that opens within retry.maxRetryAfter', async () => {
    const { pool, id } = await shut({ 'retry-after-ms': '400' });
    expect((await say(pool.agent.url, id, 'Hi')).status).toBe(200);
    expect(pool.seen()).toEqual({ primary: 2 });
  });

  it.each([
    ['opens later than that', '60000', {}],
    ['opens later than a retry.maxRetryAfter that is short', '2000', { maxRetryAfterMs: 300 }],
  ])('is refused at once where the gate %s', async (_name, ms, content) => {
    const { pool, id } = await shut({ 'retry-after-ms': ms }, content);
    const refused = await say(pool.agent.url, id, 'Hi');
    expect([refused.status, refused.headers['x-breakwater-reason']]).toEqual([429, 'RateLimited']);
    expect(pool.seen()).toEqual({ primary: 1 });
  });
});
