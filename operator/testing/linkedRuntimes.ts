import type { Configuration } from '../../contract/generated/types.ts';
import { startRuntime, type StartedRuntime } from '../../runtime/testing/runtime.ts';
import { createAuthority, issueClientCertificate } from '../links/authority.ts';
import type { ClientCredentials } from '../links/index.ts';
import type { PodTarget } from '../links/target.ts';
import { target, tokenOf } from './messages.ts';

/** Runtimes as the pods of one agent, with what an operator needs to link to them. */
export interface LinkedRuntimes {
  runtimes: StartedRuntime[];
  targets: PodTarget[];
  credentials: ClientCredentials;
}

/** Starts `count` runtimes on this computer, each with the configuration. */
export async function linkedRuntimes(
  count: number,
  desired: Configuration,
): Promise<LinkedRuntimes> {
  const authority = await createAuthority();
  const credentials = await issueClientCertificate(authority, {
    commonName: 'breakwater-operator',
    lifeMs: 86_400_000,
  });
  const pods = Array.from({ length: count }, (_, i) => target(i + 1));
  const runtimes = await Promise.all(
    pods.map((pod) => startRuntime(desired, authority.certificate, { pod, token: tokenOf(pod) })),
  );
  const targets = pods.map((pod, i) => ({
    ...pod,
    ip: '127.0.0.1',
    port: runtimes[i]!.runtime.ports().control,
  }));
  return { runtimes, targets, credentials };
}
