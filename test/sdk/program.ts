/** A program in TypeScript; program.py does the same. Each path of its requests is a behaviour of the suite. */
import { z } from 'zod';
import { ToolError, agent, cache, cached, track } from '../../sdk/typescript/index.ts';

const calls = { lookup: 0, nothing: 0 };

const lookup = cached(
  { ttl: '60s' },
  track('lookup', (id: string) => {
    calls.lookup += 1;
    return { id };
  }),
);

const nothing = cached({ name: 'nothing', ttl: 60, tier: 'hot' }, (): Promise<null> =>
  Promise.resolve(null).finally(() => (calls.nothing += 1)),
);

const fails = track('fails', (): void => {
  throw new RangeError('with a secret');
});

agent.tool(
  'find_order',
  'Finds an order.',
  z.object({ id: z.string() }),
  async ({ id }, context) => {
    if (id === 'none') throw new ToolError('No order none.');
    if (id === 'broken') throw new RangeError('with a secret');
    await agent.audit({
      type: 'DataAccess',
      actor: context.client,
      action: 'order.read',
      resource: id,
    });
    return lookup(id);
  },
);

agent.health('database', () => true, { critical: true, every: 1 });
agent.health('disk', () => {
  throw new Error('full');
});
agent.onShutdown(
  'first',
  async () => void (await agent.audit({ type: 'Security', action: 'ended' })),
);
agent.onShutdown('second', () => {
  throw new RangeError('no');
});

const behaviours: Record<string, () => unknown> = {
  cached: async () => [await lookup('7'), await lookup('7'), calls.lookup],
  nothing: async () => [await nothing(), await nothing(), calls.nothing],
  fails: () => fails().catch((error: Error) => error.message),
  performance: () => agent.performance(),
  cache: async () => {
    await cache.put('a b', { x: 1 }, { ttl: 5, tier: 'cold' });
    const found = await cache.get('a b');
    await cache.delete('a b');
    return [found, (await cache.get('a b')) ?? null];
  },
  tiers: async () => {
    await cache.clear();
    await cache.put('first', 1, { tier: 'hot' });
    await cache.put('second', 2);
    const { hot, warm, cold } = (await cache.stats()).tiers;
    return [hot.entries, warm.entries, cold.entries];
  },
  client: () => agent.client(),
  incident: () =>
    agent.incident({ type: 'PromptInjection', level: 'High', client: agent.client() }),
  audited: () => agent.audited({ actor: 'anna', limit: 5 }),
  model: async () => {
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const request = { model: 'any', max_tokens: 9, messages };
    return (await agent.anthropic().messages.create(request)).content;
  },
};

await agent.run(async (request) => {
  const name = new URL(request.url).pathname.slice(1);
  const behaviour = behaviours[name];
  if (!behaviour) throw new RangeError('with a secret');
  try {
    return Response.json((await behaviour()) ?? null);
  } catch (error) {
    return Response.json({ error: (error as Error).message });
  }
});
