import type { ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from './resolved.ts';
import type { Answer } from './client.ts';
import { configuration } from './configuration.ts';
import { startRuntime } from './runtime.ts';
import type { StartedRuntime } from './runtime.ts';
import { fakeEndpoint } from './upstream.ts';
import type { FakeEndpoint, Seen } from './upstream.ts';

/** Ends after a test what it has started. */
export class Cleanups {
  readonly #cleanups: (() => Promise<void>)[] = [];

  add(cleanup: () => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Ends everything, in reverse order. */
  async run(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

/** A runtime and the endpoint behind it. */
export interface Setup {
  agent: StartedRuntime;
  endpoint: FakeEndpoint;
}

export async function setup(
  cleanups: Cleanups,
  answer: (response: ServerResponse, seen: Seen) => void | Promise<void>,
  content: Parts<Content> = {},
): Promise<Setup> {
  const endpoint = await fakeEndpoint(answer);
  cleanups.add(() => endpoint.close());
  const agent = await startRuntime(configuration(endpoint.url, content));
  cleanups.add(() => agent.stop());
  return { agent, endpoint };
}

/** The error in an answer, in the format of the Messages API. */
export function errorOf({ body }: Answer): { type: string; message: string } {
  const parsed = JSON.parse(body.toString()) as {
    type: string;
    error: { type: string; message: string };
  };
  if (parsed.type !== 'error') throw new Error('the answer is no error');
  return parsed.error;
}

/** State of the endpoint's circuit. */
export function circuit({ agent }: Setup): string {
  return agent.runtime.guard.circuits()[0]!.state;
}

/** Failures that the endpoint's circuit has counted. */
export function failures({ agent }: Setup): unknown {
  return agent.runtime.guard.stats().circuits[0]!.failures;
}

/** A request for a stream. */
export const STREAMED = { body: '{"model":"m","stream":true}' };
