/** The same scenarios through Envoy, over real sockets and in real time, all side by side. */
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../cluster/common/freePort.ts';
import { startEnvoy } from '../runtime/envoy.ts';
import type { EnvoyRoute } from '../runtime/envoy.ts';
import { SdkClient } from './client.ts';
import type { Carrier } from './client.ts';
import { HEALTH_MS, providersOf, request } from './play.ts';
import type { Played } from './play.ts';
import type { Ask, Provider, Timeline } from './provider.ts';
import { randomOf } from './random.ts';
import { FAULT_MS } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

export interface EnvoyScene {
  scenario: Scenario;
  rate: number;
  fallback: boolean;
}

/** Until the last answer has come. */
const REST_MS = 60_000;
const SEED = 1;

const NOW: Timeline = {
  get now() {
    return performance.now();
  },
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Plays all scenes at once; the result is in their order. Takes eleven minutes and a half. */
export async function playThroughEnvoy(scenes: readonly EnvoyScene[]): Promise<Played[]> {
  const closing: Server[] = [];
  const asked = new Map<string, Ask>();
  const stages = [];
  const routes: EnvoyRoute[] = [];
  // Starts when everything listens; scripts see only differences.
  const faultAt = performance.now() + HEALTH_MS + 10_000;
  for (const [index, { scenario, rate, fallback }] of scenes.entries()) {
    const providers = providersOf(scenario, { time: NOW, faultAt, rate, seed: SEED });
    const used = fallback ? [providers.primary, providers.fallback] : [providers.primary];
    const endpoints: number[] = [];
    for (const provider of used) {
      const server = serve(provider, asked);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closing.push(server);
      endpoints.push((server.address() as AddressInfo).port);
    }
    const route = { name: `scene-${index}`, port: await freePort(), endpoints };
    routes.push(route);
    stages.push({ scenario, rate, providers, port: route.port });
  }
  const envoy = await startEnvoy(routes);
  try {
    await sleep(Math.max(0, faultAt - HEALTH_MS - performance.now()));
    const all = stages.map(({ scenario, rate, port }) => {
      const played: Played = { asked: 0, served: 0, calls: 0 };
      const carrier = carrierTo(port, asked);
      const client = new SdkClient(NOW, carrier, randomOf(SEED * 16 + 3), scenario.timeoutMs);
      request(scenario, { time: NOW, client, faultAt, rate, seed: SEED }, played);
      return played;
    });
    await sleep(HEALTH_MS + FAULT_MS + REST_MS);
    for (const [index, { providers }] of stages.entries()) {
      all[index]!.calls = providers.primary.calls + providers.fallback.calls;
    }
    return all;
  } finally {
    await envoy.stop();
    for (const server of closing) {
      server.closeAllConnections();
      server.close();
    }
  }
}

/** Names the kind of a request to the provider. */
const KIND = 'x-bench-kind';

const kindOf = ({ body, stream, reads, tokens }: Ask): string =>
  `${stream}/${reads}/${tokens}/${body.length}`;

function serve(provider: Provider, asked: ReadonlyMap<string, Ask>): Server {
  return createServer({ keepAliveTimeout: 600_000 }, (incoming, response) => {
    incoming.resume();
    const stop = provider.serve(asked.get(incoming.headers[KIND] as string)!, {
      head: (status, headers) => response.writeHead(status, headers),
      data: (chunk) => response.write(chunk),
      end: () => response.end(),
      failed: () => response.destroy(),
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      if (!response.writableFinished) stop();
    });
  });
}

function carrierTo(port: number, asked: Map<string, Ask>): Carrier {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  return (ask, retries, listener) => {
    const kind = kindOf(ask);
    asked.set(kind, ask);
    let over = false;
    const headers = {
      ...{ 'content-type': 'application/json', [KIND]: kind },
      'content-length': ask.body.length,
      'x-stainless-retry-count': retries,
    };
    const fail = (): void => {
      if (!over) listener.failed();
      over = true;
    };
    const options = { agent, port, host: '127.0.0.1', method: 'POST', path: '/v1/messages' };
    const outgoing = httpRequest({ ...options, headers }, (response: IncomingMessage) => {
      listener.head(response.statusCode!, response.rawHeaders);
      if (!ask.reads) return;
      response.on('data', (chunk: Buffer) => listener.data(chunk));
      response.on('error', fail);
      response.on('end', () => {
        over = true;
        listener.end();
      });
    });
    outgoing.on('error', fail);
    outgoing.end(ask.body);
    return () => {
      over = true;
      outgoing.destroy();
    };
  };
}
