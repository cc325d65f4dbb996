/**
 * The program of an agent in tests, by the SDK: a tool, answers to clients at /hello and /ask, where it calls the model, and paths by
 * which it fails: /throw, /hang and /grow.
 */
import { agent } from '@breakwater/agent';
import { z } from 'zod';

const MIB = 1024 * 1024;

function fail(): never {
  throw new Error('The program was asked to fail.');
}

export async function runUserProgram(): Promise<void> {
  agent.tool(
    'find_order',
    'Finds an order.',
    z.object({ id: z.string() }),
    ({ id }) => `${id}: sent`,
  );
  const model = agent.anthropic();
  const kept: Buffer[] = [];
  await agent.run(async (request) => {
    switch (new URL(request.url).pathname) {
      case '/ask': {
        const messages = [{ role: 'user' as const, content: await request.text() }];
        return Response.json(
          await model.messages.create({ model: 'any', max_tokens: 9, messages }),
        );
      }
      case '/throw':
        setImmediate(fail);
        break;
      case '/hang':
        setImmediate(() => {
          for (;;);
        });
        break;
      case '/grow':
        for (;;) kept.push(Buffer.alloc(MIB, 1));
    }
    return new Response('hello');
  });
}
