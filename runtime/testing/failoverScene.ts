import type { Content } from '../../contract/generated/types.ts';
import type { TracingEnvironment } from '../../tracing/settings.ts';
import { send } from './client.ts';
import type { Answer } from './client.ts';
import { TELEMETRY, configuration } from './configuration.ts';
import { CONVERSATION, beginConversation, said } from './conversation.ts';
import { RealMcpServer } from './mcpServer.ts';
import { startRuntime } from './runtime.ts';
import type { StartedRuntime } from './runtime.ts';
import type { Cleanups } from './setup.ts';
import { answerJson, answerStream, fakeEndpoint } from './upstream.ts';
import type { FakeEndpoint } from './upstream.ts';

type Tracing = NonNullable<Content['telemetry']['tracing']>;

/** Makes an agent send all its spans to this collector. */
export function tracingTo(
  endpoint: string,
  tracing: Partial<Tracing> = {},
  others: Partial<Content['telemetry']> = {},
): Pick<Content, 'telemetry'> {
  const whole = { endpoint, headersFrom: [], ratio: 1, parentBased: true, content: 'None' };
  return { telemetry: { ...TELEMETRY, tracing: { ...whole, ...tracing }, ...others } };
}

/** Number of the agent's spans with this result, by its metrics. */
export async function spanCount(
  { metricsUrl }: Pick<StartedRuntime, 'metricsUrl'>,
  result: string,
): Promise<number> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  return Number(
    new RegExp(`trace_spans_total\\{result="${result}"\\} (\\d+)`).exec(text)?.[1] ?? 0,
  );
}

export function namedEndpoint(
  { url }: FakeEndpoint,
  name: string,
  priority = 0,
): Content['endpoints'][0] {
  return {
    ...{ name, provider: 'Anthropic', baseURL: url, model: 'claude-test', priority },
    ...{ weight: 1, requires: [] },
  };
}

export interface FailoverScene {
  agent: StartedRuntime;
  /** Always answers 500. */
  down: FakeEndpoint;
  /** Asks for a tool over HTTP, then for one over MCP, then answers with text. */
  spare: FakeEndpoint;
  service: FakeEndpoint;
  mcp: RealMcpServer;
  /** Sends a message to a new conversation. `path` is its route. */
  ask: (headers?: Record<string, string>) => Promise<{ answer: Answer; id: string; path: string }>;
}

/** An agent whose every answer takes a retry, a move to another endpoint, a tool over HTTP and one over MCP. */
export async function failoverScene(
  cleanups: Cleanups,
  content: Partial<Content>,
  environment: TracingEnvironment,
): Promise<FailoverScene> {
  const endpoint = async (answer: Parameters<typeof fakeEndpoint>[0]): Promise<FakeEndpoint> => {
    const found = await fakeEndpoint(answer);
    cleanups.add(() => found.close());
    return found;
  };
  const use = (name: string): { id: string; name: string; input: object } => ({
    ...{ id: `use-${name}`, name, input: {} },
  });
  const down = await endpoint((response) => void response.writeHead(500).end('{}'));
  const spare = await endpoint((response, { body }) => {
    const { messages } = JSON.parse(body.toString()) as { messages: unknown[] };
    const tools = { 1: [use('look')], 3: [use('stock__count')] }[messages.length];
    answerStream(response, said(tools ? { tools } : { text: 'Done.' }));
  });
  const service = await endpoint((response) => answerJson(response, {}));
  const mcp = new RealMcpServer();
  mcp.offer('count');
  await mcp.start();
  cleanups.add(() => mcp.stop());
  const whole = configuration(down.url, {
    endpoints: [namedEndpoint(down, 'primary'), namedEndpoint(spare, 'spare', 1)],
    retry: { maxAttempts: 2, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 100 },
    conversation: CONVERSATION,
    mcpServers: [
      {
        ...{ name: 'stock', url: mcp.url, headersFrom: [], requires: [] },
        ...{ maxResponseBytes: 1000, maxConcurrent: 1 },
      },
    ],
    tools: [
      {
        ...{ name: 'look', description: 'Looks.', inputSchema: { type: 'object' }, requires: [] },
        maxConcurrent: 1,
        http: {
          ...{ url: service.url, method: 'GET', headers: [], headersFrom: [] },
          maxResponseBytes: 100,
        },
      },
    ],
    ...content,
  });
  const agent = await startRuntime(whole, undefined, { tracing: environment });
  cleanups.add(() => agent.stop());
  await agent.runtime.tracing.settled();
  const ask = async (headers = {}): Promise<{ answer: Answer; id: string; path: string }> => {
    const id = await beginConversation(agent.url);
    const answer = await send(agent.url, {
      path: `/v1/conversations/${id}/messages`,
      headers,
      body: JSON.stringify({ content: 'Hello' }),
    });
    return { answer, id, path: '/v1/conversations/{id}/messages' };
  };
  return { agent, down, spare, service, mcp, ask };
}
