import { createSecureContext } from 'node:tls';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { afterEach, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { GrpcExporter } from '../../tracing/grpcExporter.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { testAuthority } from '../testing/certificates.ts';
import { send } from '../testing/client.ts';
import { readExport } from '../testing/collector.ts';
import type { ReceivedSpan } from '../testing/collector.ts';
import { configuration } from '../testing/configuration.ts';
import { namedEndpoint, spanCount, tracingTo } from '../testing/failoverScene.ts';
import { decodeExport } from '../testing/otlp.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface GrpcCollector {
  port: number;
  spans: ReceivedSpan[];
  /** Header x-key of each export. */
  keys: unknown[];
}

/** Starts a collector of OTLP over gRPC, which answers each export with an empty message. */
async function grpcCollector(
  address: string,
  credentials = ServerCredentials.createInsecure(),
): Promise<GrpcCollector> {
  const collector: GrpcCollector = { port: 0, spans: [], keys: [] };
  const take: handleUnaryCall<Buffer, Buffer> = ({ request, metadata }, done) => {
    collector.keys.push(metadata.get('x-key')[0]);
    collector.spans.push(...readExport(decodeExport(request)));
    done(null, Buffer.alloc(0));
  };
  const same = (bytes: Buffer): Buffer => bytes;
  const server = new Server();
  server.addService(
    {
      Export: {
        path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        ...{ requestStream: false, responseStream: false },
        ...{ requestSerialize: same, requestDeserialize: same },
        ...{ responseSerialize: same, responseDeserialize: same },
      },
    },
    { Export: take },
  );
  collector.port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  cleanups.add(() => Promise.resolve(server.forceShutdown()));
  return collector;
}

async function agentTracingTo(
  endpoint: string,
  tracing: Parameters<typeof tracingTo>[1] = {},
): Promise<StartedRuntime> {
  const model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  cleanups.add(() => model.close());
  const content: Partial<Content> = {
    endpoints: [namedEndpoint(model, 'primary')],
    ...tracingTo(endpoint, tracing),
  };
  const environment = tracingEnvironment({
    ...{ OTEL_BSP_SCHEDULE_DELAY: '1', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
  });
  const agent = await startRuntime(configuration(model.url, content), undefined, {
    tracing: environment,
  });
  cleanups.add(() => agent.stop());
  await agent.runtime.tracing.settled();
  return agent;
}

it('traces go over gRPC to a collector on port 4317', async () => {
  // The port tells the protocol, so that another address keeps tests apart.
  const collector = await grpcCollector('127.43.17.1:4317');
  const agent = await agentTracingTo('http://127.43.17.1:4317');
  await send(agent.url);
  await until(() => collector.spans.length >= 3);
  expect(collector.spans.map(({ name }) => name)).toContain('POST /v1/messages');
  await until(async () => (await spanCount(agent, 'exported')) >= 3);
});

it('a collector on port 4317 that is gone costs spans, which are counted, and no request', async () => {
  const agent = await agentTracingTo('http://127.43.17.2:4317');
  expect((await send(agent.url)).status).toBe(200);
  await until(async () => (await spanCount(agent, 'export_failed')) >= 3);
}, 20_000);

it('each export over TLS has the headers and trusts the authorities of its time', async () => {
  const authority = await testAuthority();
  const { cert, key } = await authority.issueFor('localhost');
  const pair = [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }];
  const collector = await grpcCollector('127.0.0.1:0', ServerCredentials.createSsl(null, pair));
  let secret = 'first';
  let trusted = createSecureContext({ ca: (await testAuthority('another')).cert });
  const exporter = new GrpcExporter({
    ...{ url: `https://localhost:${collector.port}`, timeoutMillis: 1000 },
    headers: () => ({ 'x-key': secret }),
    secureContext: () => trusted,
  });
  cleanups.add(() => exporter.shutdown());
  const sent = (): Promise<number> =>
    new Promise((resolve) => exporter.export([], ({ code }) => resolve(code)));
  expect(await sent()).not.toBe(status.OK);
  trusted = createSecureContext({ ca: authority.cert });
  expect(await sent()).toBe(status.OK);
  secret = 'second';
  expect(await sent()).toBe(status.OK);
  expect(collector.keys).toEqual(['first', 'second']);
}, 20_000);
