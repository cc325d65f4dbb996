import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Policy } from '../../operator/desired/policies/attachment.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { run } from '../cluster/common/command.ts';
import { kubernetesBinaries } from '../cluster/local/binaries.ts';
import { blocks } from '../kit/documents.ts';
import { ROOT } from '../kit/platform.ts';
import fc from '../property.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const PAGE = 'docs/cookbook.md';
const WAIT = 180_000;
const OURS = '/apis/breakwater.dev/v1alpha1/namespaces';

let server: ApiServer;
let operator: TestOperator;

beforeAll(async () => {
  server = await startApiServer();
  operator = await startOperator(server);
}, START_TIMEOUT);

afterAll(async () => {
  await operator?.stop();
  await server?.stop();
});

interface Task {
  title: string;
  script: string;
}

/** What comes before the first task, and the tasks, as shell scripts of their blocks. */
function tasks(): { before: string; all: Task[] } {
  const [intro = '', ...rest] = readFileSync(join(ROOT, PAGE), 'utf8').split(/^## /m);
  const script = (text: string): string =>
    blocks(PAGE, text)
      .map((block) =>
        block.language === 'yaml' ? `kubectl apply -f - <<'EOF'\n${block.text}\nEOF` : block.text,
      )
      .join('\n');
  return {
    before: script(intro),
    all: rest.map((text) => ({ title: text.split('\n', 1)[0]!, script: script(text) })),
  };
}

const { before, all } = tasks();
const whole = fc.shuffledSubarray(all, { minLength: all.length });
const [first, second] = fc.sample(whole, 2);

const conditionsOf = ({ status }: Policy | AgentDeployment): Record<string, string> =>
  Object.fromEntries((status?.conditions ?? []).map(({ type, status: is }) => [type, is]));

const isCurrent = ({ metadata, status }: Policy | AgentDeployment): boolean =>
  status?.observedGeneration === metadata.generation;

async function listed<T>(namespace: string, plural: string): Promise<T[]> {
  const found = await server.get<{ items: T[] }>(`${OURS}/${namespace}/${plural}`);
  return found!.items;
}

it('has thirteen tasks in two different orders', () => {
  expect(all).toHaveLength(13);
  expect(first).not.toEqual(second);
});

it.each([
  ['one', first!],
  ['another', second!],
])(
  'every task is in force after all of them were applied in %s order',
  async (name, order) => {
    const namespace = await server.namespace(`cookbook-${name}`);
    const kubectl = `${await kubernetesBinaries()}/kubectl --kubeconfig ${server.kubeconfig} --namespace ${namespace}`;
    const shell = `set -euo pipefail\nkubectl() { ${kubectl} "$@"; }\nANTHROPIC_API_KEY=key\n`;
    for (const { script } of [{ script: before }, ...order])
      await run('bash', ['-s'], { input: shell + script });

    const policies = ['circuitbreakerpolicies', 'ratelimitpolicies'];
    for (const plural of ['agentdeployments', ...policies])
      for (const { metadata } of await listed<Policy | AgentDeployment>(namespace, plural))
        await server.until<Policy | AgentDeployment>(
          `${OURS}/${namespace}/${plural}/${metadata.name}`,
          isCurrent,
        );
    const agents = await listed<AgentDeployment>(namespace, 'agentdeployments');
    expect(agents).toHaveLength(all.length);
    expect(agents.filter(({ status }) => status?.configuration?.hash === undefined)).toEqual([]);
    const held = (
      await Promise.all(policies.map((each) => listed<Policy>(namespace, each)))
    ).flat();
    expect(held.length).toBeGreaterThan(8);
    for (const policy of held)
      expect([policy.metadata.name, conditionsOf(policy)]).toEqual([
        policy.metadata.name,
        expect.objectContaining({ Accepted: 'True', Overridden: 'False' }),
      ]);
  },
  WAIT,
);
