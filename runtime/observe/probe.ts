import { connect } from 'node:net';
import { Agent, request } from 'undici';
import type { Content } from '../../contract/generated/types.ts';

/** A health check as the configuration has it. */
export type CheckSpec = NonNullable<Content['healthChecks']>[number];

/** Why a check failed. Never what was answered: whoever reads the status of an agent may not read what it reaches. */
export type ProbeFailure = 'Timeout' | 'Connection' | 'BadStatus';

/** Makes one check; undefined when it passed. The signal ends it. Never rejects. */
export type Probe = (spec: CheckSpec, signal: AbortSignal) => Promise<ProbeFailure | undefined>;

/** Over a connection of its own. Redirects are not followed, and no body is read. */
export const probe: Probe = async ({ http, tcp }, signal) => {
  try {
    if (http) return (await answersWell(http.url, signal)) ? undefined : 'BadStatus';
    if (tcp) await opens(tcp, signal);
    return undefined;
  } catch {
    return signal.aborted ? 'Timeout' : 'Connection';
  }
};

async function answersWell(url: string, signal: AbortSignal): Promise<boolean> {
  const dispatcher = new Agent({ pipelining: 0, headersTimeout: 0, connect: { timeout: 0 } });
  try {
    const { statusCode, body } = await request(url, { method: 'GET', signal, dispatcher });
    body.on('error', () => undefined).destroy();
    return statusCode >= 200 && statusCode < 400;
  } finally {
    void dispatcher.destroy();
  }
}

function opens({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal });
  return new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  }).finally(() => socket.destroy());
}
