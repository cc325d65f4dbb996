import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { since } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

describe('a pod that stops', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('drain');
    [model, traffic] = await Promise.all([sandbox.model('narrator', 9301), sandbox.traffic()]);
    await sandbox.apply(
      sandbox.agent({ name: 'teller', replicas: 2, baseURL: model.baseURL, drainTimeout: '30s' }),
    );
    await sandbox.served('teller', traffic);
  });

  afterAll(() => sandbox.close());

  it('lets a stream finish, and accepts no requests after the endpoint lag', async () => {
    await model.control.setFault({ events: 120, eventMs: 100 });
    const [way, newcomer] = [
      (await sandbox.ways('teller'))[0]!,
      (await sandbox.ways('teller'))[0]!,
    ];
    const begun = Promise.withResolvers<void>();
    const started = performance.now();
    const stream = way.send({ stream: true, onData: () => begun.resolve() });
    await begun.promise;

    await sandbox.api.remove('pods', sandbox.namespace, way.pod);
    await newcomer.until(
      'new work is refused as Draining',
      ({ headers }) => headers['x-breakwater-reason'] === 'Draining',
      { timeoutMs: 11_000, everyMs: 200, request: { body: '{"model": "m"' } },
    );

    const answer = await stream;
    expect(answer).toMatchObject({ status: 200, complete: true });
    expect(answer.body.match(/text_delta/g)).toHaveLength(120);
    expect(performance.now() - started).toBeGreaterThan(10_000);
    await model.control.setFault(undefined);
    await waitFor(
      'the pod is gone well before its drainTimeout',
      () => sandbox.api.find('pods', sandbox.namespace, way.pod),
      (pod) => pod === undefined,
      { timeoutMs: 20_000 },
    );
  });

  it('fails no request through the Service during a rolling restart', async () => {
    const agent = await sandbox.agents.waitForAgent('teller');
    const before = (await sandbox.agents.readyPods('teller')).map((pod) => pod.metadata.name);
    await traffic.run({ url: sandbox.url('teller'), rate: 20, stream: true });
    const counted = await traffic.report();

    await sandbox.apply(
      sandbox.agent({
        name: 'teller',
        replicas: 2,
        baseURL: model.baseURL,
        drainTimeout: '30s',
        podTemplate: { metadata: { annotations: { 'example.org/edition': 'second' } } },
      }),
    );
    await waitFor(
      'all pods are new ones and the old ones are gone',
      () => sandbox.agents.pods('teller'),
      (pods) => pods.length === 2 && pods.every((pod) => !before.includes(pod.metadata.name)),
      { timeoutMs: 120_000 },
    );
    const report = since(counted, await traffic.report());
    await traffic.run(undefined);
    expect(Object.keys(report.outcomes)).toEqual(['200']);
    expect(report.answered).toBeGreaterThan(100);
    expect((await sandbox.agents.waitForAgent('teller')).metadata.generation).toBeGreaterThan(
      agent.metadata.generation ?? 0,
    );
  });
});
