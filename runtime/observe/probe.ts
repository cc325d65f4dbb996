import { connect } from 'node:net';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { Content } from '../../contract/generated/types.ts';

export type CheckSpec = NonNullable<Content['healthChecks']>[number];

/** Why a check failed. Never contains the answer: readers of an agent's status may not be allowed to see it. */
export type ProbeFailure = 'Timeout' | 'Connection' | 'BadStatus';

/** Runs one check; undefined if it passed. The signal ends it. Never rejects. */
export type Probe = (spec: CheckSpec, signal: AbortSignal) => Promise<ProbeFailure | undefined>;

/**
 * Runs checks. Over HTTP it uses the dispatcher with one connection for each request, follows no redirect and reads no
 * body. Over TCP it uses no proxy.
 */
export function makeProbe(dispatcher: () => Dispatcher): Probe {
  return async ({ http, tcp }, signal) => {
    try {
      if (http)
        return (await answersWell(http.url, signal, dispatcher())) ? undefined : 'BadStatus';
      if (tcp) await opens(tcp, signal);
      return undefined;
    } catch {
      return signal.aborted ? 'Timeout' : 'Connection';
    }
  };
}

async function answersWell(
  url: string,
  signal: AbortSignal,
  dispatcher: Dispatcher,
): Promise<boolean> {
  const { statusCode, body } = await request(url, { method: 'GET', signal, dispatcher });
  body.on('error', () => undefined).destroy();
  return statusCode >= 200 && statusCode < 400;
}

function opens({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal });
  return new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  }).finally(() => socket.destroy());
}
