import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { FakeApi, json, refusal } from '../testing/fakeApi.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { ConfigMaps } from '../resources/resources.ts';
import { memoryTraces } from '../testing/memoryTraces.ts';
import { KubeClient } from './client.ts';
import { Controller } from './controller.ts';
import type { Reconcile } from './controller.ts';
import { ApiError } from './errors.ts';
import { NO_TRACES, Traces } from './span.ts';
import { Transport } from './transport.ts';

const OBJECT = { metadata: { namespace: 'ns', name: 'a' } };

/** Runs the reconcile for some keys, one after the other. */
async function reconciled(reconcile: Reconcile, traces: Traces, ...keys: string[]): Promise<void> {
  const stop = new AbortController();
  const controller = new Controller({
    ...{ name: 'agent', reconcile, concurrency: 1, traces },
    ...{ logger: pino({ level: 'silent' }), registry: new Registry(), clock: new FakeClock() },
  });
  for (const key of keys) controller.queue.add(key);
  const done = controller.run(stop.signal);
  await settle();
  stop.abort();
  await done;
}

describe('the trace of a reconcile', () => {
  it('names the object and the result', async () => {
    const { traces, kept } = memoryTraces();
    const results: Record<string, () => Promise<{ requeueAfterMs: number } | void>> = {
      'ns/good': () => Promise.resolve(),
      'ns/later': () => Promise.resolve({ requeueAfterMs: 1000 }),
      'ns/outrun': () => Promise.reject(new ApiError(409, '', { reason: 'Conflict' })),
      'ns/refused': () => Promise.reject(new ApiError(403, '', { reason: 'Forbidden' })),
    };
    await reconciled((key) => results[key]!(), traces, ...Object.keys(results));
    expect(
      kept.map(({ name, attributes, end }) => [
        name,
        `${String(attributes['k8s.namespace.name'])}/${String(attributes['breakwater.object.name'])}`,
        attributes['breakwater.reconcile.result'],
        end,
      ]),
    ).toEqual([
      ['reconcile agent', 'ns/good', 'success', 'ok'],
      ['reconcile agent', 'ns/later', 'requeue_after', 'ok'],
      ['reconcile agent', 'ns/outrun', 'requeue', 'ok'],
      ['reconcile agent', 'ns/refused', 'error', 'Forbidden'],
    ]);
    expect(kept[0]!.attributes['breakwater.reconcile.id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('contains exactly its own requests to the API server', async () => {
    await using api = await FakeApi.start();
    const { traces, kept } = memoryTraces();
    const { config } = api;
    const clock = new FakeClock();
    const transport = new Transport({ config, registry: new Registry(), clock, traces });
    const client = new KubeClient(transport);
    api.script(json(200, OBJECT), refusal(403, 'Forbidden'), json(200, OBJECT));
    const { promise: ended, resolve: over } = Promise.withResolvers<void>();
    let afterwards: Promise<unknown> | undefined;
    const work = async (): Promise<void> => {
      await client.get(ConfigMaps, 'ns', 'a');
      await client.get(ConfigMaps, 'ns', 'b').catch(() => undefined);
      // What it leaves behind, such as an Event, is sent when it is over.
      afterwards = ended.then(() => client.get(ConfigMaps, 'ns', 'c'));
    };
    await traces.run('reconcile agent', {}, work, (span) => span.end());
    over();
    await afterwards;
    await transport.close();
    expect(api.received).toHaveLength(3);
    expect(kept).toHaveLength(1);
    const parts = kept[0]!.parts.map(({ name, attributes, end }) => [
      name,
      attributes['url.path'],
      end,
    ]);
    expect(parts).toEqual([
      ['GET configmaps', '/api/v1/namespaces/ns/configmaps/a', 'ok'],
      ['GET configmaps', '/api/v1/namespaces/ns/configmaps/b', 'Forbidden'],
    ]);
  });

  it('costs nothing while tracing is off', async () => {
    let asked = 0;
    const traces = new Traces(() => {
      asked += 1;
      return undefined;
    });
    let done = 0;
    await reconciled(() => Promise.resolve(void (done += 1)), traces, 'ns/a');
    expect([asked, done]).toEqual([1, 1]);
    const attributes = (): never => {
      throw new Error('nobody needs them');
    };
    expect(() => NO_TRACES.part('x', attributes).end()).not.toThrow();
    expect(() => NO_TRACES.partOrTrace('x', attributes).end()).not.toThrow();
  });
});
