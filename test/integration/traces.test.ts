import { afterEach, describe, expect, it } from '@jest/globals';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { treesOf } from '../../runtime/testing/collector.ts';
import { failoverScene, spanCount, tracingTo } from '../../runtime/testing/failoverScene.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { until } from '../../runtime/testing/until.ts';
import { OtelCollector } from '../collector/otelCollector.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const ENVIRONMENT = tracingEnvironment({
  ...{ OTEL_BSP_SCHEDULE_DELAY: '10', OTEL_BSP_MAX_QUEUE_SIZE: '8' },
  ...{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '8', OTEL_EXPORTER_OTLP_TIMEOUT: '1000' },
});

async function collector(): Promise<OtelCollector> {
  const started = await OtelCollector.start();
  cleanups.add(() => started.stop());
  return started;
}

describe('the OpenTelemetry Collector', () => {
  it('receives a request with a retry, a failover, a tool and a call of MCP as one tree', async () => {
    const received = await collector();
    const environment = tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' });
    const scene = await failoverScene(cleanups, tracingTo(received.url), environment);
    const { answer, path } = await scene.ask();
    expect(answer.status).toBe(200);
    const traceId = answer.headers['x-breakwater-trace-id'];
    await until(async () => {
      const spans = await received.spans();
      return spans.some((span) => span.traceId === traceId && span.name === `POST ${path}`);
    }, 10_000);
    const spans = (await received.spans()).filter((span) => span.traceId === traceId);
    const trees = treesOf(spans);
    expect(trees).toHaveLength(1);
    expect(trees[0]).toEqual([
      `POST ${path}`,
      [
        'invoke_agent triage',
        ['chat claude-test', ['attempt'], ['attempt'], ['attempt']],
        ['execute_tool look'],
        expect.arrayContaining(['chat claude-test', ['attempt']]),
        ['execute_tool stock__count', ['tools/call count']],
        expect.arrayContaining(['chat claude-test', ['attempt']]),
      ],
    ]);
  }, 120_000);

  it.each([
    ['gone', 'export_failed', (received: OtelCollector) => received.stop()],
    ['hanging', 'queue_full', (received: OtelCollector) => Promise.resolve(received.hang())],
  ])(
    'fails no request while it is %s, and the lost spans are counted',
    async (_name, result, end) => {
      const received = await collector();
      const scene = await failoverScene(cleanups, tracingTo(received.url), ENVIRONMENT);
      await end(received);
      for (let i = 0; i < 3; i += 1) expect((await scene.ask()).answer.status).toBe(200);
      await until(async () => (await spanCount(scene.agent, result)) > 0);
    },
    120_000,
  );
});
