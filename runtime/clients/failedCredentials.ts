import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Failure } from '../errors/failure.ts';
import { KeyedBuckets, ownBucket } from '../resilience/keyedBuckets.ts';
import { networkOf } from '../security/incidents/networkOf.ts';

type Failures = NonNullable<Content['auth']>['failures'];

export interface FailedCredentialsDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Undefined while the agent authenticates no client. */
  failures: () => Failures | undefined;
  addressOf: (request: IncomingMessage) => string | undefined;
}

const MINUTE_MS = 60_000;

/**
 * Counts wrong credentials by address and refuses requests of an address with too many. A credential that was accepted
 * lately still passes, so that one client does not lock out others behind the same proxy.
 */
export class FailedCredentials {
  readonly #deps: FailedCredentialsDeps;
  /** Hashes of accepted credentials, oldest first. */
  readonly #accepted = new Set<string>();
  #buckets: KeyedBuckets | undefined;
  #failures: Failures | undefined;

  constructor(deps: FailedCredentialsDeps) {
    this.#deps = deps;
  }

  /** The refusal of a request from a held address; undefined for others. */
  held(request: IncomingMessage, credential: string): Failure | undefined {
    const buckets = this.#inForce();
    // Fast path: no credential has failed.
    if (!buckets || (buckets.size === 0 && buckets.shared.isUnused(this.#deps.now()))) {
      return undefined;
    }
    const now = this.#deps.now();
    const waitMs = buckets.of(this.#keyOf(request), now).wait(1, now);
    if (waitMs === 0 || this.#accepted.has(hashOf(credential))) return undefined;
    return {
      reason: 'AuthThrottled',
      message: 'Too many credentials from this address were not accepted.',
      retryAfterMs: waitMs,
    };
  }

  wasAccepted(credential: string): boolean {
    return this.#accepted.has(hashOf(credential));
  }

  failed(request: IncomingMessage, credential: string): void {
    const now = this.#deps.now();
    this.#accepted.delete(hashOf(credential));
    const bucket = this.#inForce()?.of(this.#keyOf(request), now);
    bucket?.settle(bucket.take(1, now), 1, now);
  }

  accepted(credential: string): void {
    const hash = hashOf(credential);
    if (this.#accepted.has(hash)) return;
    const { maxAddresses } = this.#deps.failures() ?? { maxAddresses: 0 };
    while (this.#accepted.size >= Math.max(1, maxAddresses)) {
      this.#accepted.delete(this.#accepted.values().next().value!);
    }
    this.#accepted.add(hash);
  }

  #inForce(): KeyedBuckets | undefined {
    const failures = this.#deps.failures();
    if (failures === undefined || failures === this.#failures) return failures && this.#buckets;
    this.#failures = failures;
    const { perMinute, maxAddresses } = failures;
    const spec = { amount: perMinute, perMs: MINUTE_MS, capacity: perMinute };
    const now = this.#deps.now();
    if (this.#buckets) this.#buckets.apply(spec, maxAddresses, now);
    else this.#buckets = new KeyedBuckets(spec, maxAddresses, now, ownBucket);
    return this.#buckets;
  }

  #keyOf(request: IncomingMessage): string {
    return networkOf(this.#deps.addressOf(request) ?? '');
  }
}

function hashOf(credential: string): string {
  return createHash('sha256').update(credential).digest('base64url');
}
