import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../testing/fakeClock.ts';
import { Addresses } from './addresses.ts';

describe('the addresses of the pods of an agent', () => {
  let clock: FakeClock;
  let listed: string[] | Error;
  let looks: number;
  let addresses: Addresses;
  const { signal } = new AbortController();

  beforeEach(() => {
    clock = new FakeClock();
    listed = [];
    looks = 0;
    addresses = new Addresses({
      clock,
      service: () => 'triage-headless.default.svc',
      resolve: () => {
        looks += 1;
        return listed instanceof Error ? Promise.reject(listed) : Promise.resolve(listed);
      },
    });
  });

  /** Lets what waits go on for so long. */
  async function pass(ms: number): Promise<void> {
    for (let gone = 0; gone < ms; gone += 250) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      clock.advance(250);
    }
  }

  it('come from DNS, and the pod remembers them for a while', async () => {
    listed = ['10.0.0.1', '10.0.0.2'];
    expect(await addresses.has('10.0.0.1', signal)).toBe(true);
    expect(await addresses.has('10.0.0.2', signal)).toBe(true);
    expect(looks).toBe(1);
    await pass(5000);
    expect(await addresses.has('10.0.0.2', signal)).toBe(true);
    expect(looks).toBe(2);
  });

  it('include one that is too new for DNS', async () => {
    const found = addresses.has('10.0.0.3', signal);
    await pass(1000);
    listed = ['10.0.0.3'];
    await pass(500);
    expect(await found).toBe(true);
  });

  it('do not include an address that DNS has not listed for seconds', async () => {
    const found = addresses.has('10.9.9.9', signal);
    await pass(7000);
    expect(await found).toBe(false);
  });

  it('cost one query at a time, however many requests ask', async () => {
    const found = Promise.all(
      Array.from({ length: 100 }, (_, i) => addresses.has(`10.9.9.${i}`, signal)),
    );
    await pass(7000);
    expect(new Set(await found)).toEqual(new Set([false]));
    expect(looks).toBeLessThan(60);
  });

  it('stay known while DNS does not answer, but not when DNS lists none', async () => {
    listed = ['fd00::1'];
    expect(await addresses.has('fd00::1', signal)).toBe(true);
    listed = Object.assign(new Error('no answer'), { code: 'EAI_AGAIN' });
    const stranger = addresses.has('fd00::2', signal);
    await pass(4000);
    expect(await addresses.has('fd00::1', signal)).toBe(true);
    listed = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
    await pass(4000);
    expect(await stranger).toBe(false);
    addresses.forget('fd00::1');
    const gone = addresses.has('fd00::1', signal);
    await pass(7000);
    expect(await gone).toBe(false);
  });
});
