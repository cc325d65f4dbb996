import { ApiError } from '../kube/errors.ts';
import type { Lease } from '../kube/types.ts';
import type { KubeClient } from '../kube/client.ts';
import type { LeaderTerm } from '../kube/leader.ts';

/** Leases in memory. As in the API, a write with an old resourceVersion conflicts. */
export class MemoryLeases {
  lease?: Lease;
  /** Holders in the order of their terms. */
  readonly history: string[] = [];
  /** Identities whose requests get no answer. */
  readonly cutOff = new Set<string>();
  #version = 0;

  client(identity: string): Pick<KubeClient, 'get' | 'create' | 'replace'> {
    const reached = (): void => {
      if (this.cutOff.has(identity)) throw new Error('connection refused');
    };
    const get = (): Promise<Lease | undefined> =>
      this.#answer(() => {
        reached();
        return this.lease;
      });
    const create = (_resource: unknown, lease: Lease): Promise<Lease> =>
      this.#answer(() => {
        reached();
        if (this.lease) throw refused('AlreadyExists');
        return this.#store(lease);
      });
    const replace = (_resource: unknown, lease: Lease): Promise<Lease> =>
      this.#answer(() => {
        reached();
        const current = this.lease?.metadata.resourceVersion;
        if (lease.metadata.resourceVersion !== current) throw refused('Conflict');
        return this.#store(lease);
      });
    return { get, create, replace } as unknown as Pick<KubeClient, 'get' | 'create' | 'replace'>;
  }

  async #answer<R>(work: () => R): Promise<R> {
    await Promise.resolve();
    return structuredClone(work());
  }

  #store(lease: Lease): Lease {
    this.#version += 1;
    const metadata = { ...lease.metadata, uid: 'lease', resourceVersion: `${this.#version}` };
    this.lease = { ...structuredClone(lease), metadata };
    const { holderIdentity, leaseTransitions } = lease.spec!;
    const entry = `${holderIdentity} ${leaseTransitions}`;
    if (holderIdentity && this.history.at(-1) !== entry) this.history.push(entry);
    return this.lease;
  }
}

function refused(reason: string): ApiError {
  return new ApiError(409, reason, { reason });
}

export function lasts(term: LeaderTerm): boolean {
  try {
    term.assertLeading();
    return true;
  } catch {
    return false;
  }
}
