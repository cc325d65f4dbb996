import { describe, expect, it } from '@jest/globals';
import { SignJWT, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { KEY_TIMES, KeySet, KeysUnavailable } from './keySet.ts';

/** A set of keys whose URL and clock are the test's. */
class Bench {
  time = 0;
  asked = 0;
  answer: () => Response | Promise<Response> = () => Response.json({ keys: this.keys });
  keys: JWK[] = [];
  times = KEY_TIMES;
  readonly set = new KeySet({
    url: 'https://login/keys',
    now: () => this.time,
    times: () => this.times,
    fetch: async (_, { signal }) => {
      this.asked += 1;
      const late = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('late')), { once: true });
      });
      return Promise.race([this.answer(), late]);
    },
  });
  readonly #private = new Map<string, CryptoKey>();

  async publish(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    this.keys = [...this.keys, { ...(await exportJWK(publicKey)), kid, alg: 'ES256' }];
    this.#private.set(kid, privateKey);
  }

  /** Whether a token signed with that key is good, or why not. */
  async check(kid: string): Promise<string> {
    const token = new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid });
    const text = await token.sign(this.#private.get(kid)!);
    try {
      await jwtVerify(text, this.set.keyOf);
      return 'good';
    } catch (error) {
      return error instanceof KeysUnavailable ? 'unavailable' : (error as { code: string }).code;
    }
  }
}

const MINUTE = 60_000;

describe('the keys of an issuer', () => {
  it('are fetched again when a token names an unknown one', async () => {
    const bench = new Bench();
    await bench.publish('a');
    expect(await bench.check('a')).toBe('good');
    await bench.publish('b');
    bench.time = 10_000;
    expect([await bench.check('b'), bench.asked]).toEqual(['good', 2]);
  });

  it('are not fetched for every token that names an unknown one', async () => {
    const bench = new Bench();
    await bench.publish('a');
    await bench.check('a');
    await bench.publish('made-up');
    bench.keys.pop();
    bench.time = 10_000;
    for (let i = 0; i < 20; i += 1) {
      expect(await bench.check('made-up')).toBe('ERR_JWKS_NO_MATCHING_KEY');
    }
    expect(bench.asked).toBe(2);
  });

  it('are refreshed in the background, so that a withdrawn one disappears', async () => {
    const bench = new Bench();
    await bench.publish('a');
    await bench.check('a');
    bench.keys = [];
    bench.time = 6 * MINUTE;
    expect(await bench.check('a')).toBe('good');
    expect(await bench.check('a')).toBe('ERR_JWKS_NO_MATCHING_KEY');
  });

  it.each<[string, () => Response | Promise<Response>]>([
    ['is down', () => Promise.reject(new Error('no'))],
    ['fails', () => new Response('{"keys":[]}', { status: 500 })],
    ['answers with what is no set of keys', () => new Response('{}')],
    ['answers without end', () => new Response('x'.repeat(2 * 1024 * 1024))],
  ])('serve on for a day while their URL %s', async (_, answer) => {
    const bench = new Bench();
    await bench.publish('a');
    await bench.check('a');
    bench.answer = answer;
    bench.time = 23 * 60 * MINUTE;
    expect(await bench.check('a')).toBe('good');
    bench.time = 25 * 60 * MINUTE;
    expect(await bench.check('a')).toBe('unavailable');
  });

  it('follow changed times of fetching, keeping and giving up', async () => {
    const bench = new Bench();
    await bench.publish('a');
    await bench.check('a');
    bench.times = { timeoutMs: 20, refreshMs: 1000, maxAgeMs: 3000, cooldownMs: 100 };
    bench.time = 1001;
    expect([await bench.check('a'), bench.asked]).toEqual(['good', 2]);
    await bench.publish('b');
    bench.time = 1102;
    expect([await bench.check('b'), bench.asked]).toEqual(['good', 3]);
    bench.answer = () => new Promise<never>(() => undefined);
    bench.time = 4102;
    expect(await bench.check('a')).toBe('good');
    bench.time = 4303;
    expect(await bench.check('a')).toBe('unavailable');
  });

  it('are fetched again soon after their URL answers again', async () => {
    const bench = new Bench();
    await bench.publish('a');
    const { answer } = bench;
    bench.answer = () => new Response('', { status: 503 });
    expect(await bench.check('a')).toBe('unavailable');
    bench.answer = answer;
    expect([await bench.check('a'), bench.asked]).toEqual(['unavailable', 1]);
    bench.time = 10_000;
    expect(await bench.check('a')).toBe('good');
  });
});
