import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { restarts } from '../kit/agents.ts';
import { killContainer } from '../kit/kill.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const AGENT = 'clerk';
const OFFICE = 'office';
const FIND_ORDER = { name: 'find_order', input: { id: '7' } };
const WEATHER = { name: 'world__weather', input: {} };

interface Event {
  type: string;
  name?: string;
  is_error?: boolean;
  content?: string;
}

describe('an agent with tools', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let tools: Awaited<ReturnType<Sandbox['tools']>>;
  let pod: PodClient;

  /** The agent. With a resetToken, results of its tool are cached. */
  const agent = (resetToken?: string): Record<string, unknown> =>
    sandbox.agent({
      name: AGENT,
      baseURL: model.baseURL,
      model: 'claude-sonnet-5-5',
      spec: {
        systemPrompt: 'You are a clerk.',
        timeouts: { tool: '20s' },
        tools: [
          {
            name: 'find_order',
            description: 'Finds an order by its number.',
            inputSchema: {
              type: 'object',
              properties: { id: { type: 'string' } },
              required: ['id'],
            },
            http: {
              url: `${tools.baseURL}/orders/{id}`,
              method: 'GET',
              headersFrom: [
                {
                  name: 'Authorization',
                  prefix: 'Bearer ',
                  secretKeyRef: { name: 'orders', key: 'token' },
                },
              ],
            },
            ...(resetToken !== undefined && { cache: { ttl: '10m' } }),
          },
        ],
        ...(resetToken !== undefined && { cache: { resetToken } }),
        mcpServers: [{ name: 'world', url: `${tools.baseURL}/mcp`, allowedTools: ['weather'] }],
      },
    });

  /** A policy for one dependency of the agent. */
  const breaker = (name: string, sectionName: string, failures: number): Record<string, unknown> =>
    sandbox.breaker(name, AGENT, {
      targetRefs: [{ name: AGENT, sectionName }],
      trip: { consecutiveFailures: failures },
      openDuration: '2s',
      maxOpenDuration: '2s',
    });

  beforeAll(async () => {
    sandbox = await Sandbox.open('tools');
    [model, tools] = await Promise.all([sandbox.model(), sandbox.tools(OFFICE)]);
    await sandbox.apply(
      { ...sandbox.secret('orders', ''), stringData: { token: 'orders-token' } },
      agent(),
      breaker('orders', 'tool/find_order', 2),
      breaker('world', 'mcp/world', 1),
    );
    await sandbox.agents.waitForAgent(AGENT);
    pod = (await sandbox.ways(AGENT))[0]!;
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
    await tools.control.setStatus(undefined);
  });

  afterAll(() => sandbox.close());

  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${pod.url}/v1/conversations${path}`, { method: 'POST', body: JSON.stringify(body) });

  async function begin(): Promise<string> {
    const answer = await post('', {});
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: string }).id;
  }

  /** The streamed events of a turn. */
  async function turn(id: string): Promise<Event[]> {
    const answer = await post(`/${id}/messages`, { content: 'Help me.', stream: true });
    expect(answer.status).toBe(200);
    const lines = (await answer.text()).matchAll(/^data: (.*)$/gm);
    return [...lines].map(([, data]) => JSON.parse(data!) as Event);
  }

  async function results(id: string): Promise<Pick<Event, 'name' | 'is_error' | 'content'>[]> {
    const events = await turn(id);
    expect(events.at(-1)).toMatchObject({ type: 'turn_end', stop_reason: 'end_turn' });
    return events
      .filter(({ type }) => type === 'tool_result')
      .map(({ name, is_error, content }) => ({ name, is_error, content }));
  }

  /** Waits until the status shows a circuit of each of these dependencies in this state. */
  function circuits(expected: Record<string, string>): Promise<AgentDeployment> {
    return waitFor(
      `circuits are ${JSON.stringify(expected)}`,
      () => sandbox.agents.agent(AGENT),
      ({ status }) =>
        Object.entries(expected).every(([name, circuit]) =>
          status?.dependencies?.some((each) => each.name === name && each.circuit === circuit),
        ),
    );
  }

  it('calls tools in a turn and streams it as it happens', async () => {
    await model.control.setFault({ callTools: [FIND_ORDER, WEATHER] });
    const events = await turn(await begin());
    expect(events.map(({ type }) => type).filter((type) => type !== 'text')).toEqual([
      'turn_start',
      'tool_call',
      'tool_call',
      'tool_result',
      'tool_result',
      'turn_end',
    ]);
    const found = events.filter(({ type }) => type === 'tool_result');
    expect(found.find(({ name }) => name === 'find_order')).toMatchObject({
      is_error: false,
      content: expect.stringContaining('shipped'),
    });
    expect(found.find(({ name }) => name === 'world__weather')).toMatchObject({
      is_error: false,
      content: 'weather was here',
    });
    const { orders, mcpCalls } = await tools.control.record();
    expect(orders).toEqual([{ id: '7', authorization: 'Bearer orders-token' }]);
    expect(mcpCalls).toEqual(['weather']);
  });

  it('shows each tool as a dependency with its policy', async () => {
    const { status } = await circuits({
      'model/north': 'Closed',
      'tool/find_order': 'Closed',
      'mcp/world': 'Closed',
    });
    expect(status?.summary?.circuits).toBe('3/3');
    const policiesOf = (name: string): unknown =>
      status?.dependencies?.find((each) => each.name === name)?.policies;
    expect(policiesOf('tool/find_order')).toEqual([
      expect.objectContaining({ kind: 'CircuitBreakerPolicy', name: 'orders' }),
    ]);
    expect(policiesOf('mcp/world')).toEqual([
      expect.objectContaining({ kind: 'CircuitBreakerPolicy', name: 'world' }),
    ]);
  });

  it('offers the model only the allowed tools of an MCP server', async () => {
    await model.control.setFault({ callTools: [{ name: 'world__shred', input: {} }] });
    const [result] = await results(await begin());
    expect(result).toMatchObject({ is_error: true, content: expect.stringContaining('no tool') });
    expect((await tools.control.record()).mcpCalls).not.toContain('shred');
  });

  it('continues without a tool that is down, and says when the tool is tried again', async () => {
    await model.control.setFault({ callTools: [FIND_ORDER, WEATHER] });
    await tools.control.setStatus(503);
    const id = await begin();
    await results(id);
    await results(id);
    const { status } = await circuits({
      'model/north': 'Closed',
      'tool/find_order': 'Open',
      'mcp/world': 'Open',
    });
    expect(status?.summary?.circuits).toBe('1/3');
    for (const name of ['orders', 'world'])
      await sandbox.agents.waitForBreaker(
        name,
        'Open',
        (policy) => policy.status?.state === 'Open',
      );
    const before = await tools.control.record();
    const refused = await results(id);
    for (const { is_error, content } of refused) {
      expect(is_error).toBe(true);
      expect(content).toMatch(/unavailable until \d{4}-.*Go on without it/);
    }
    const after = await tools.control.record();
    expect(after.orders).toHaveLength(before.orders.length);

    await tools.control.setStatus(undefined);
    await waitFor(
      'both tools serve again',
      () => results(id),
      (all) => all.every(({ is_error }) => is_error === false),
      { timeoutMs: 20_000 },
    );
    await waitFor(
      'their circuits are closed',
      async () => {
        await results(id);
        return sandbox.agents.agent(AGENT);
      },
      ({ status: shown }) => shown?.summary?.circuits === '3/3',
      { timeoutMs: 20_000 },
    );
  });

  it('caches results of a tool if the spec says so, until the resetToken changes', async () => {
    await model.control.setFault({ callTools: [FIND_ORDER] });
    const id = await begin();
    /** Number of calls of the tool in a turn that requests it once. */
    const calls = async (): Promise<number> => {
      const before = await tools.control.record();
      const [result] = await results(id);
      expect(result).toMatchObject({ content: expect.stringContaining('shipped') });
      return (await tools.control.record()).orders.length - before.orders.length;
    };
    expect([await calls(), await calls()]).toEqual([1, 1]);
    await sandbox.apply(agent('first'));
    await waitFor('results are kept', calls, (made) => made === 0);
    await sandbox.apply(agent('second'));
    await waitFor('the tool is called again', calls, (made) => made === 1);
    expect(await calls()).toBe(0);
  });

  it('survives a restart of the MCP server, which forgets its sessions', async () => {
    await model.control.setFault({ callTools: [WEATHER] });
    const id = await begin();
    expect(await results(id)).toEqual([
      { name: 'world__weather', is_error: false, content: 'weather was here' },
    ]);
    const office = await sandbox.api.get<Parameters<typeof killContainer>[1]>(
      'pods',
      sandbox.namespace,
      OFFICE,
    );
    await killContainer(sandbox, office, 'simulator');
    await waitFor(
      'the MCP server runs again',
      () => sandbox.api.get<typeof office>('pods', sandbox.namespace, OFFICE),
      (found) =>
        restarts([found])[OFFICE] === 1 &&
        found.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true,
      { timeoutMs: 60_000 },
    );
    await waitFor(
      'its tool serves again',
      () => results(id),
      ([result]) => result?.is_error === false,
      { timeoutMs: 20_000 },
    );
  });
});
