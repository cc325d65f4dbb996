import { createHash } from 'node:crypto';
import type { Clock } from '../kube/clock.ts';
import type { ReviewedIdentity } from './identity.ts';

/**
 * Asks the API server to review a token for the control audience; see `identityOf`. Rejects if the API server does not
 * answer or the signal aborts.
 */
export type ReviewToken = (
  token: string,
  signal: AbortSignal,
) => Promise<ReviewedIdentity | undefined>;

interface Known {
  identity: ReviewedIdentity;
  /** Wall clock, milliseconds. */
  expiresAt: number;
}

/** Four times the number of pods with which a leader is tested. */
const MOST_KNOWN = 65_536;

/**
 * Reviews each token once: the result for a valid token is cached until the token expires. Only the token's hash is kept.
 */
export class TokenReviews {
  readonly #review: ReviewToken;
  readonly #clock: Pick<Clock, 'now'>;
  /** By hash of the token, the oldest entry first. */
  readonly #known = new Map<string, Known>();

  constructor(review: ReviewToken, clock: Pick<Clock, 'now'>) {
    this.#review = review;
    this.#clock = clock;
  }

  readonly review: ReviewToken = async (token, signal) => {
    const hash = createHash('sha256').update(token).digest('base64');
    const known = this.#known.get(hash);
    if (known !== undefined && known.expiresAt > this.#clock.now()) return known.identity;
    this.#known.delete(hash);
    const identity = await this.#review(token, signal);
    const expiresAt = expiryOf(token);
    if (identity !== undefined && expiresAt !== undefined) {
      this.#makeRoom();
      this.#known.set(hash, { identity, expiresAt });
    }
    return identity;
  };

  #makeRoom(): void {
    if (this.#known.size < MOST_KNOWN) return;
    const now = this.#clock.now();
    for (const [hash, { expiresAt }] of this.#known) {
      if (expiresAt <= now) this.#known.delete(hash);
    }
    for (const hash of this.#known.keys()) {
      if (this.#known.size < MOST_KNOWN) return;
      this.#known.delete(hash);
    }
  }
}

/** When a JSON Web Token expires, in milliseconds since 1970. It must only be used for a token that was found valid. */
function expiryOf(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(
      Buffer.from(token.split('.')[1] ?? '', 'base64url').toString(),
    );
    const { exp } = claims as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
