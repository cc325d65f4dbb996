import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import type { SandboxModel } from '../sandbox.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(420_000);

/** Number of open streams, and duration of each. */
const STREAMS = 50;
const STREAM_SECONDS = 10;
const EVENTS_PER_SECOND = 2;
/** Requests per second, each on its own connection. */
const RATE = 100;
const ROLLS = 3;

describe('an agent under load', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let streams: RemoteTraffic;
  let requests: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('rolls');
    [model, streams, requests] = await Promise.all([
      sandbox.model('river', 9601),
      sandbox.traffic('barges', 9602),
      sandbox.traffic('swimmers', 9603),
    ]);
    await model.control.setFault({
      events: STREAM_SECONDS * EVENTS_PER_SECOND,
      eventMs: 1000 / EVENTS_PER_SECOND,
    });
    await sandbox.apply(agent(0, 3));
    await sandbox.served('ferry', requests);
  });

  afterAll(() => sandbox.close());

  /** Each edition has another pod template, which causes a rollout. */
  const agent = (edition: number, replicas: number): Record<string, unknown> =>
    sandbox.agent({
      name: 'ferry',
      replicas,
      baseURL: model.baseURL,
      drainTimeout: '60s',
      podTemplate: { metadata: { annotations: { 'example.org/edition': String(edition) } } },
      spec: { bulkhead: { maxConcurrent: 500, maxQueued: 500 } },
    });

  const alive = async (): Promise<string[]> =>
    (await sandbox.agents.pods('ferry'))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata.uid!);

  it('answers every request and cuts no stream during rollouts and the loss of a pod', async () => {
    const before = await Promise.all([streams.report(), requests.report()]);
    const url = sandbox.url('ferry');
    await streams.run({ url, rate: STREAMS / STREAM_SECONDS, stream: true });
    await waitFor(
      `${STREAMS} streams are open`,
      () => model.control.requests(),
      ({ inFlight }) => inFlight >= STREAMS * 0.9,
      { timeoutMs: 60_000, everyMs: 250 },
    );
    const started = performance.now();
    await requests.run({ url, rate: RATE });

    let replaced = 0;
    for (let edition = 1; edition <= ROLLS; edition += 1) {
      const old = await alive();
      await sandbox.apply(agent(edition, 3));
      await waitFor(
        `roll ${edition} is over`,
        alive,
        (now) => now.length === 3 && now.every((uid) => !old.includes(uid)),
        { timeoutMs: 90_000, everyMs: 250 },
      );
      await sandbox.agents.waitForAgent('ferry');
      replaced += old.length;
    }
    await sandbox.apply(agent(ROLLS, 2));
    await waitFor(
      'one pod fewer is left, and those that were asked to stop have ended',
      () => sandbox.agents.pods('ferry'),
      (pods) => pods.length === 2,
      { timeoutMs: 120_000, everyMs: 250 },
    );
    const seconds = (performance.now() - started) / 1000;
    await Promise.all([streams.run(undefined), requests.run(undefined)]);

    const [streamed, answered] = await Promise.all(
      [streams, requests].map((traffic, index) =>
        waitFor(
          'every request is answered',
          async () => since(before[index]!, await traffic.report()),
          (report) => report.sent === report.answered,
          { timeoutMs: 60_000 },
        ),
      ),
    );
    console.log(
      `${replaced + 1} pods stopped in ${seconds.toFixed(0)} s: ${streamed!.answered} streams of ${STREAM_SECONDS} s, ` +
        `${answered!.answered} requests (${(answered!.answered / seconds).toFixed(0)} per s, slowest ${answered!.slowestMs} ms)`,
      streamed!.outcomes,
      answered!.outcomes,
    );
    expect(Object.keys(streamed!.outcomes)).toEqual(['200']);
    expect(Object.keys(answered!.outcomes)).toEqual(['200']);
    // A busy machine sends at a lower rate. The test prints the number.
    expect(answered!.answered).toBeGreaterThan(1_000);
    expect(streamed!.answered).toBeGreaterThan(STREAMS);
  });
});
