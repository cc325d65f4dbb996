import type {
  CircuitStatus,
  Configuration,
  Content,
  Counters,
  Hello,
  Snapshot,
  TransitionReport,
} from '../../contract/generated/types.ts';
import { CONTRACT_VERSION } from '../../contract/link.ts';
import type { ReviewedIdentity } from '../links/identity.ts';
import type { PodTarget } from '../links/target.ts';

export const AGENT = 'support/triage';

/** Pod number `n` of the agent `support/triage`, at its own loopback address. */
export function target(n: number, rest: Partial<PodTarget> = {}): PodTarget {
  return {
    namespace: 'support',
    agent: 'triage',
    name: `triage-${n}`,
    uid: `uid-${n}`,
    serviceAccount: 'triage',
    ip: `127.0.${1 + Math.floor(n / 200)}.${1 + (n % 200)}`,
    port: 9443,
    ...rest,
  };
}

/** The Hello of an honest pod. `review` knows its token. */
export function hello(pod: PodTarget, rest: Partial<Hello> = {}): Hello {
  const { namespace, name, uid } = pod;
  return {
    type: 'Hello',
    contract: CONTRACT_VERSION,
    features: ['Limit.Requests'],
    runtimeVersion: '0.1.0',
    pod: { namespace, name, uid },
    boot: 'boot-1',
    startedAt: '2026-01-01T00:00:00Z',
    token: tokenOf(pod),
    highestTerm: 0,
    ...rest,
  };
}

export const tokenOf = ({ namespace, name, uid }: PodTarget): string =>
  `secret/${namespace}/${name}/${uid}`;

/** Stands in for the API server's review of tokens. */
export function review(token: string): Promise<ReviewedIdentity | undefined> {
  const [secret, namespace, podName, podUid, serviceAccount = 'triage'] = token.split('/');
  if (secret !== 'secret' || !namespace || !podName || !podUid) return Promise.resolve(undefined);
  return Promise.resolve({ namespace, serviceAccount, podName, podUid });
}

export const hashOf = (letter: string): string => `sha256:${letter.repeat(64)}`;

export function configuration(letter: string, counter = 1, term = 1): Configuration {
  return { revision: { term, counter }, hash: hashOf(letter), content: {} as Content };
}

export function snapshot(
  hash: string | undefined,
  rest: Partial<Snapshot> & { refused?: Snapshot['configuration']['refused'] } = {},
): Snapshot {
  const { refused, ...fields } = rest;
  return {
    type: 'Snapshot',
    configuration: {
      unsupported: [],
      ...(hash !== undefined && { hash, revision: { term: 1, counter: 1 }, source: 'Link' }),
      ...(refused !== undefined && { refused }),
    },
    circuits: [circuit('Closed')],
    limits: [],
    transitions: [],
    missingCredentials: [],
    ...fields,
  };
}

export function circuit(
  state: CircuitStatus['state'],
  dependency = 'model/primary',
): CircuitStatus {
  return { dependency, state, since: '2026-01-01T00:00:00Z' };
}

export function transition(sequence: number): TransitionReport {
  return {
    type: 'Transition',
    transition: {
      sequence,
      time: '2026-01-01T00:00:00.000Z',
      dependency: 'model/primary',
      from: 'Closed',
      to: 'Open',
      reason: '5 consecutive failures (Overloaded)',
    },
    circuit: circuit('Open'),
  };
}

export function counters(policy: string, rejected: number): Counters {
  const limit = { target: 'inbound', policy, name: 'requests' };
  return {
    type: 'Counters',
    circuits: [],
    limits: [{ ...limit, usedPercent: 100, rejected, limiting: true }],
  };
}
