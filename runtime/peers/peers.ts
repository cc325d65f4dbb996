import type { IncomingMessage } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Rejection } from '../errors/rejection.ts';
import { FORWARDED } from '../model/transport/headers.ts';
import type { Current } from '../snapshot/snapshot.ts';
import { Addresses } from './addresses.ts';
import type { AddressesDeps } from './addresses.ts';
import { CONNECT_MS, Connections } from './connections.ts';
import type { ConnectionsDeps, Forwarded, Forwarding } from './connections.ts';
import { Siblings } from './siblings.ts';
import type { SiblingsDeps } from './siblings.ts';

/** How pods of one agent reach each other. */
export type PeerAccess = Pick<AddressesDeps, 'resolve'> &
  Pick<ConnectionsDeps, 'locate'> & {
    /** IP address of this pod. */
    self: string;
  };

export interface PeersDeps
  extends ConnectionsDeps, Omit<AddressesDeps, 'service'>, Omit<SiblingsDeps, 'now'> {
  current: Pick<Current, 'content'>;
  /** A request was forwarded to a sibling. */
  onForwarded: (end: Forwarded) => void;
}

/** The other pods of the agent: siblings take requests of a full pod, and any of them may keep a conversation. */
export class Peers {
  /** The pods that take requests of a full pod. The leader tells of them. */
  readonly siblings: Siblings;
  readonly #deps: PeersDeps;
  readonly #addresses: Addresses;
  readonly #connections: Connections;

  constructor(deps: PeersDeps) {
    this.#deps = deps;
    this.siblings = new Siblings({ ...deps, now: () => deps.clock.now() });
    this.#addresses = new Addresses({
      ...deps,
      service: () => deps.current.content?.conversation?.peers,
    });
    this.#connections = new Connections(deps);
  }

  /** Whether a sibling may serve a request that this pod rejected. A request is forwarded only once. */
  take(
    { headers }: IncomingMessage,
    { reason }: Rejection,
    { whenFull }: Pick<Content, 'whenFull'>,
  ): boolean {
    return reason === 'BulkheadFull' && whenFull === 'Forward' && headers[FORWARDED] === undefined;
  }

  /** Forwards to a sibling with room, for `silenceMs` without a byte at most. Undefined: none has room. */
  async toSibling(forwarding: Forwarding, silenceMs: number): Promise<Forwarded | undefined> {
    const loan = this.siblings.choose();
    if (!loan) return undefined;
    const { pod, address } = loan.sibling;
    try {
      const end = await this.#connections.forward(address, forwarding, silenceMs);
      forwarding.trace.forwarded(pod, end);
      this.#deps.onForwarded(end);
      if (end !== 'Answered' && end !== 'Gone') loan.avoid();
      return end;
    } finally {
      loan.end();
    }
  }

  /** Forwards to the pod that keeps a conversation. `Lost`: no such pod exists, and nothing was sent. */
  async toOwner(address: string, forwarding: Forwarding): Promise<Forwarded> {
    const { signal } = forwarding;
    if (!(await this.#addresses.has(address, signal))) return signal.aborted ? 'Gone' : 'Lost';
    const silenceMs = longestAnswerMs(this.#deps.current.content);
    const end = await this.#connections.forward(address, forwarding, silenceMs);
    if (end !== 'Unreachable') return end;
    this.#addresses.forget(address);
    return (await this.#addresses.has(address, signal)) ? end : 'Lost';
  }

  close(): Promise<void> {
    return this.#connections.close();
  }
}

/** Longest time for any answer: to connect, to wait for the turn, and the turn itself. */
function longestAnswerMs(content: Content | undefined): number {
  const { timeouts, conversation, bulkhead, limits = [] } = content ?? {};
  const waits = limits.filter(({ target }) => target === 'inbound');
  const limitMs = waits.reduce((sum, { maxWaitMs = 0 }) => sum + maxWaitMs, 0);
  const turnMs = (conversation?.runTimeoutMs ?? 0) + (bulkhead?.acquireTimeoutMs ?? 0) + limitMs;
  return (timeouts?.connectMs ?? CONNECT_MS) + turnMs;
}
