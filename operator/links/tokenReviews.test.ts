import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import type { ReviewedIdentity } from './identity.ts';
import { TokenReviews } from './tokenReviews.ts';

const HOUR_MS = 3_600_000;
const { signal } = new AbortController();

let clock: FakeClock;
let reviewed: string[];
let valid: boolean;
let reviews: TokenReviews;

beforeEach(() => {
  clock = new FakeClock();
  reviewed = [];
  valid = true;
  reviews = new TokenReviews((token) => {
    reviewed.push(token);
    return Promise.resolve(valid ? identity(token) : undefined);
  }, clock);
});

const identity = (podUid: string): ReviewedIdentity => ({
  namespace: 'support',
  serviceAccount: 'triage',
  podName: 'triage-1',
  podUid,
});

/** A JSON Web Token that expires in an hour. */
function token(rest: object = {}): string {
  const claims = { exp: (clock.now() + HOUR_MS) / 1000, ...rest };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;
}

describe('a token', () => {
  it('that is valid is reviewed only once until it expires', async () => {
    const one = token();
    expect(await reviews.review(one, signal)).toEqual(identity(one));
    await clock.advance(HOUR_MS - 1);
    expect(await reviews.review(one, signal)).toEqual(identity(one));
    expect(reviewed).toEqual([one]);
    await clock.advance(1);
    await reviews.review(one, signal);
    expect(reviewed).toEqual([one, one]);
  });

  it('that differs from another only in its signature is reviewed by itself', async () => {
    await reviews.review(token(), signal);
    await reviews.review(`${token()}x`, signal);
    expect(reviewed).toHaveLength(2);
  });

  it('that is not valid is reviewed each time', async () => {
    valid = false;
    expect(await reviews.review(token(), signal)).toBeUndefined();
    valid = true;
    expect(await reviews.review(token(), signal)).toBeDefined();
  });

  it.each([
    ['has no expiry', () => token({ exp: undefined })],
    ['is no JSON Web Token', () => 'opaque'],
    ['has claims that are no JSON', () => 'e30.e30x.signature'],
  ])('that %s is reviewed each time', async (_what, make) => {
    const one = make();
    await reviews.review(one, signal);
    await reviews.review(one, signal);
    expect(reviewed).toEqual([one, one]);
  });
});
