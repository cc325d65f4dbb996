import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Circuit, Content, Endpoint } from '../../contract/generated/types.ts';
import type { Parts } from './resolved.ts';
import { TOUCHY, configuration } from './configuration.ts';
import { startRuntime } from './runtime.ts';
import type { StartedRuntime } from './runtime.ts';
import type { Cleanups } from './setup.ts';
import { MESSAGE, answerJson, answerStream, fakeEndpoint } from './upstream.ts';
import type { FakeEndpoint } from './upstream.ts';

/** Answers a request at an endpoint. */
export type Behaviour = (response: ServerResponse) => void;

/** Retries without a wait and with a large budget. */
export const RETRY = {
  maxAttempts: 2,
  baseDelayMs: 5,
  maxDelayMs: 10,
  budgetPercent: 100,
  minPerSecond: 1,
};
/** A circuit that stays closed. */
export const PATIENT: Omit<Circuit, 'dependency'> = {
  ...TOUCHY,
  trip: { consecutiveFailures: 1000 },
};

/** An endpoint of the pool. */
export interface Part extends Partial<Endpoint> {
  name: string;
  /** A test may assign another one at any time. */
  does: Behaviour;
  key?: string;
  circuit?: Omit<Circuit, 'dependency'>;
}

/** A runtime and the endpoints of its pool. */
export interface Pool {
  agent: StartedRuntime;
  endpoints: Record<string, FakeEndpoint>;
  /** Number of requests by endpoint. */
  seen(): Record<string, number>;
  circuits(): Record<string, string>;
  fallbacks(): Promise<string[]>;
}

export const fine: Behaviour = (response) => answerJson(response, MESSAGE);
export const streaming: Behaviour = (response) => answerStream(response);
export const broken: Behaviour = (response) => response.destroy();
/** Answers with an error of this status. */
export const status =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    response
      .writeHead(code, { 'content-type': 'application/json', ...headers })
      .end(`{"type":"error","error":{"type":"api_error","message":"${code}"}}`);

export async function startPool(
  cleanups: Cleanups,
  parts: Part[],
  content: Parts<Content> = {},
): Promise<Pool> {
  const agent = await startRuntime();
  cleanups.add(() => agent.stop());
  const endpoints: Record<string, FakeEndpoint> = {};
  const specs: Endpoint[] = [];
  for (const part of parts) {
    const { name, does: _, key, circuit: __, ...rest } = part;
    const endpoint = await fakeEndpoint((response) => part.does(response));
    cleanups.add(() => endpoint.close());
    endpoints[name] = endpoint;
    if (key !== undefined) await agent.mount(`key-${name}`, key);
    const path = join(agent.directory, `key-${name}`);
    specs.push({
      name,
      provider: 'Anthropic',
      priority: 0,
      weight: 1,
      baseURL: endpoint.url,
      ...(key !== undefined && { credential: { path, secret: name, key: 'api-key' } }),
      ...rest,
    });
  }
  const circuits = parts.map(({ name, circuit = PATIENT }) => {
    return { ...circuit, dependency: `model/${name}` };
  });
  agent.runtime.configuration.offerPush(
    1,
    configuration('', { endpoints: specs, circuits, retry: RETRY, ...content }),
  );
  return {
    agent,
    endpoints,
    seen: () =>
      Object.fromEntries(Object.entries(endpoints).map(([name, { seen }]) => [name, seen.length])),
    circuits: () =>
      Object.fromEntries(
        agent.runtime.guard.circuits().map(({ dependency, state }) => [dependency, state]),
      ),
    fallbacks: async () => {
      const text = await agent.runtime.metrics.registry.metrics();
      return text.match(/^fallbacks_total\{.*$/gm) ?? [];
    },
  };
}
