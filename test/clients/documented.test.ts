/** The clients of docs/clients.md against a runtime, with the simulated model and a tool behind it. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startModel, type Model } from '../../cli/simulator/model.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import { CONVERSATION } from '../../runtime/testing/conversation.ts';
import { startProcess, type RuntimeProcess } from '../../runtime/testing/process.ts';
import { answerJson, fakeEndpoint, type FakeEndpoint } from '../../runtime/testing/upstream.ts';
import { run } from '../cluster/common/command.ts';
import { blocks } from '../kit/documents.ts';
import { ROOT } from '../kit/platform.ts';
import { pythonEnvironment } from '../python/environment.ts';

// The first run on a machine installs the SDK for Python.
jest.setTimeout(180_000);

const PAGE = 'docs/clients.md';

let directory: string;
let runtime: RuntimeProcess;
let model: Model;
let orders: FakeEndpoint;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'documented-'));
  model = await startModel();
  orders = await fakeEndpoint((response) => answerJson(response, { shipped: true }));
  runtime = await startProcess(directory);
  const inputSchema = { type: 'object', properties: { id: { type: 'string' } } };
  const http = { url: `${orders.url}/orders/{id}`, method: 'GET' as const, maxResponseBytes: 1000 };
  await runtime.configure(
    configuration(model.url, {
      endpoints: [{ name: 'primary', baseURL: model.url, model: 'claude-simulated' }],
      conversation: CONVERSATION,
      tools: [
        {
          ...{ name: 'find_order', description: 'Finds an order.', inputSchema, maxConcurrent: 10 },
          http: { ...http, headers: [], headersFrom: [] },
        },
      ],
    }),
  );
});

afterAll(async () => {
  await runtime?.stop();
  await Promise.all([model?.stop(), orders?.close()]);
  await rm(directory, { recursive: true, force: true });
});

const COMMANDS: Record<string, readonly [string, ...string[]]> = {
  ts: [process.execPath, '--input-type=module-typescript', '-'],
  python: ['python3', '-'],
};

it.each(Object.entries(COMMANDS))(
  `the client in %s of ${PAGE} prints a stream and a turn with its tool`,
  async (language, [program, ...args]) => {
    const text = await readFile(join(ROOT, PAGE), 'utf8');
    const found = blocks(PAGE, text).filter(
      (block) => block.language === language && block.marks.includes('client'),
    );
    expect(found).toHaveLength(1);
    model.setFault({ callTools: [{ name: 'find_order', input: { id: '7' } }] });
    const before = orders.seen.length;
    const output = await run(program, args, {
      cwd: ROOT,
      env: { ...(await pythonEnvironment()), AGENT_URL: runtime.agentUrl },
      input: found[0]!.text,
    });
    const [streamed, called, result, ended] = output.trim().split('\n');
    expect(streamed).toMatch(/(tool_use|end_turn)$/);
    expect(called).toMatch(/calls find_order \{.*7.*\}$/);
    expect(result).toMatch(/^failed: false$/i);
    expect(ended).toMatch(/calm.* end_turn 1$/);
    expect(orders.seen.length).toBe(before + 1);
  },
);
