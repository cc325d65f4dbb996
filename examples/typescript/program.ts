// What runs beside the agent's runtime: it offers the model a tool, says whether it works, and answers requests at /support.
import { ToolError, agent, cached, createAgent, track } from '@breakwater/agent';
import { z } from 'zod';
import { findOrder } from './orders.ts';
import { initial, reduce } from './support.ts';

// Each call is timed under the name "lookup", and results are kept for a minute.
const lookup = cached({ ttl: '60s' }, track('lookup', findOrder));

agent.tool(
  'find_order',
  'Finds an order.',
  z.object({ id: z.string() }),
  async ({ id }, { client }) => {
    const order = await lookup(id);
    if (!order) throw new ToolError(`No order ${id}.`);
    await agent.audit({ type: 'DataAccess', actor: client, action: 'order.read', resource: id });
    return order;
  },
);

agent.health('orders', async () => (await findOrder('1')) !== null);
agent.onShutdown('orders', () => console.log('The program ends.'));

// Optional: clients reach the program at the paths of spec.program.http.
await agent.run(async (request) => {
  const { dispatch } = createAgent({ initial, reduce, environment: agent.environment() });
  const answer = await dispatch({ type: 'Send', content: await request.text() });
  return Response.json({ answer });
});
