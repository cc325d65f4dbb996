/** The program of an agent on real pods: what clients, the kubelet and status see when it works, crashes, hangs or needs too much memory. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Pod } from '../kit/agents.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { plugin } from '../kit/plugin.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { since } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(300_000);

const KUBELET_MS = 120_000;
/** A minute of silence, and what the kubelet takes to see it and to end the process. */
const HANG_MS = 180_000;

describe('an agent with a program', () => {
  let sandbox: Sandbox;
  let traffic: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('program');
    const model = await sandbox.model('composer', 9711);
    traffic = await sandbox.traffic('listeners', 9712);
    const spec = {
      program: {
        image: sandbox.images.simulator,
        http: { paths: ['/hello', '/ask', '/throw', '/hang', '/grow'] },
        tools: { path: '/mcp' },
        resources: {
          requests: { cpu: '20m', memory: '64Mi' },
          limits: { cpu: '1', memory: '160Mi' },
        },
      },
      bulkhead: { maxConcurrent: 1 },
    };
    await sandbox.apply(
      sandbox.agent({ name: 'orchestra', replicas: 2, baseURL: model.baseURL, spec }),
    );
    await sandbox.agents.waitForAgent('orchestra');
  });

  afterAll(() => sandbox.close());

  const agent = (): Promise<AgentDeployment> =>
    sandbox.api.get('agentdeployments', sandbox.namespace, 'orchestra');

  const until = (what: string, holds: (agent: AgentDeployment) => boolean): Promise<unknown> =>
    waitFor(what, agent, holds, { timeoutMs: KUBELET_MS });

  const ask = async (
    { url }: PodClient,
    path: string,
  ): Promise<{ status: number; body: string }> => {
    const answer = await fetch(url + path, { method: 'POST', body: 'Hi' });
    return { status: answer.status, body: await answer.text() };
  };

  const runs = ({ status }: AgentDeployment): boolean =>
    status?.program?.ready === '2/2' &&
    status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';

  it('serves clients by its program, which calls the model within a bulkhead of one', async () => {
    await until('both programs are ready', runs);
    const [way] = await sandbox.ways('orchestra');
    expect(await ask(way!, '/hello')).toMatchObject({
      status: 200,
      body: 'hello',
    });
    const asked = await ask(way!, '/ask');
    expect(asked).toMatchObject({ status: 200 });
    expect(JSON.parse(asked.body)).toMatchObject({ type: 'message' });
    expect(await ask(way!, '/mcp')).toMatchObject({ status: 404 });
    expect((await agent()).status?.program).toMatchObject({ ready: '2/2', tools: 1 });
  });

  it('shows its debug pages to kubectl breakwater, which reads their token', async () => {
    const { namespace, kubectl } = sandbox;
    for (const args of [
      ['debug', 'orchestra', '--page', 'state'],
      ['top', 'orchestra', '--pods'],
    ]) {
      const said = await plugin(kubectl.environment, [...args, '-n', namespace]);
      expect(said.status).toBe(0);
      expect(said.text).not.toMatch(/401|left out/);
    }
  });

  it('fails no request in a rolling restart', async () => {
    await traffic.run({ url: `${sandbox.url('orchestra')}/hello`, rate: 5 });
    const before = await traffic.report();
    await sandbox.kubectl.run([
      ...['rollout', 'restart', 'deployment/orchestra', '-n', sandbox.namespace],
    ]);
    await sandbox.kubectl.run([
      ...['rollout', 'status', 'deployment/orchestra', '-n', sandbox.namespace, '--timeout=180s'],
    ]);
    const { outcomes } = since(before, await traffic.report());
    await traffic.run(undefined);
    expect(Object.keys(outcomes)).toEqual(['200']);
  });

  it.each([
    ['throws', '/throw', 'ProgramCrashed'],
    ['needs more memory than it may', '/grow', 'ProgramOutOfMemory'],
  ])(
    'names the cause when the program %s, and serves by the other pod',
    async (_, path, reason) => {
      await until('both programs are ready', runs);
      const [way] = await sandbox.ways('orchestra');
      await ask(way!, path);
      const named = (await until(`status names ${reason}`, ({ status }) =>
        JSON.stringify(status).includes(reason),
      )) as AgentDeployment;
      expect(JSON.stringify(named.status)).not.toContain('asked to fail');
      await until('the program is back', runs);
    },
  );

  it('has the kubelet restart a program that hangs, and leaves the runtime alone', async () => {
    await until('both programs are ready', runs);
    const [way] = await sandbox.ways('orchestra');
    const { pod } = way!;
    const restartsIn = (pods: readonly Pod[]): number =>
      pods
        .find(({ metadata }) => metadata.name === pod)
        ?.status?.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0) ?? 0;
    const before = restartsIn(await sandbox.agents.pods('orchestra'));
    await ask(way!, '/hang');
    const restarted = await waitFor(
      'the kubelet restarts the program',
      () => sandbox.agents.pods('orchestra'),
      (pods) => restartsIn(pods) > before,
      { timeoutMs: HANG_MS },
    );
    const runtime = restarted.find(({ metadata }) => metadata.name === pod);
    expect(runtime?.status?.initContainerStatuses?.[0]?.restartCount).toBe(0);
  });
});
