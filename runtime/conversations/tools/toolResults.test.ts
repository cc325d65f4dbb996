import { describe, expect, it } from '@jest/globals';
import type { Cache } from '../../../contract/generated/types.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { ToolResults } from './toolResults.ts';
import type { KeptCall } from './toolResults.ts';

const TIER = { maxEntries: 10, ttlMs: 60_000 };
const SPEC: Cache = { scope: 'PerPrincipal', hot: TIER, warm: TIER, cold: TIER };
const WHAT = ['look', { url: 'https://things.example.com/{id}' }];
const good = (text: string): ToolAnswer => ({ outcome: OK, text, isError: false });

class Fixture {
  time = 0;
  made = 0;
  readonly results = new ToolResults({ now: () => this.time, maxBytes: 30_000 });

  constructor(spec: Cache = SPEC) {
    this.results.apply(spec);
  }

  /** Asks, with an answer that says which call it is of. */
  ask(rest: Partial<KeptCall> = {}): Promise<ToolAnswer> {
    return this.results.answer({
      what: WHAT,
      ttlMs: 1000,
      input: { id: '7' },
      client: ['alice'],
      credential: '',
      signal: new AbortController().signal,
      call: () => Promise.resolve(good(`call ${(this.made += 1)}`)),
      ...rest,
    });
  }

  async texts(...asked: Partial<KeptCall>[]): Promise<string[]> {
    const all: string[] = [];
    for (const each of asked) all.push((await this.ask(each)).text);
    return all;
  }
}

/** A call that ends when the test says so. */
function slow(): { call: KeptCall['call']; end: (answer: ToolAnswer) => void; cut: () => boolean } {
  const { promise, resolve } = Promise.withResolvers<ToolAnswer>();
  let signal: AbortSignal | undefined;
  const call = (own: AbortSignal): Promise<ToolAnswer> => {
    signal = own;
    return promise;
  };
  return { call, end: resolve, cut: () => signal!.aborted };
}

describe('cached results of tools', () => {
  it('are returned for identical calls, whatever the order of members in the input', async () => {
    const fixture = new Fixture();
    const asked = [{ input: { a: 1, b: { c: 2, d: 3 } } }, { input: { b: { d: 3, c: 2 }, a: 1 } }];
    expect(await fixture.texts(...asked)).toEqual(['call 1', 'call 1']);
    expect(await fixture.ask(asked[0])).toMatchObject({ kept: true, isError: false });
  });

  it.each<[string, Partial<KeptCall>]>([
    ['with another input', { input: { id: '8' } }],
    ['of another tool', { what: ['find', WHAT[1]] }],
    ['of the tool at another place', { what: ['look', { url: 'https://x' }] }],
    ['with other secrets', { credential: 'hash' }],
    ['of another client', { client: ['bob'] }],
  ])('are not returned for a call %s', async (_, other) => {
    expect(await new Fixture().texts({}, other, {})).toEqual(['call 1', 'call 2', 'call 1']);
  });

  it('are returned to all clients if these share the cache', async () => {
    const fixture = new Fixture({ ...SPEC, scope: 'Shared' });
    expect(await fixture.texts({}, { client: ['bob'] })).toEqual(['call 1', 'call 1']);
  });

  it('are returned up to the age that the tool allows', async () => {
    const fixture = new Fixture();
    await fixture.ask();
    fixture.time = 999;
    expect(await fixture.texts({})).toEqual(['call 1']);
    fixture.time = 1000;
    expect(await fixture.texts({})).toEqual(['call 2']);
  });

  it.each<[string, ToolAnswer]>([
    ['an error', { outcome: OK, text: 'HTTP 404', isError: true }],
    ['a call that was not made', { outcome: IGNORED, text: 'no', isError: true }],
  ])('do not include %s', async (_, answer) => {
    const fixture = new Fixture();
    await fixture.ask({ call: () => Promise.resolve(answer) });
    expect(await fixture.texts({})).toEqual(['call 1']);
  });

  it.each<[string, (of: Fixture) => void]>([
    ['another resetToken', ({ results }) => results.apply({ ...SPEC, resetToken: '2' })],
    ['having no cache', ({ results }) => (results.apply(undefined), results.apply(SPEC))],
    ['being cleared', ({ results }) => results.clear()],
  ])('are dropped after %s, also those of calls under way', async (_, forget) => {
    const fixture = new Fixture({ ...SPEC, resetToken: '1' });
    const { call, end } = slow();
    const under = fixture.ask({ call, input: {} });
    await fixture.ask();
    forget(fixture);
    end(good('late'));
    expect((await under).text).toBe('late');
    expect(await fixture.texts({}, { input: {} })).toEqual(['call 2', 'call 3']);
  });

  it('are shared by concurrent calls, also when some of them leave', async () => {
    const fixture = new Fixture();
    const { call, end, cut } = slow();
    const leaver = new AbortController();
    const first = fixture.ask({ call, signal: leaver.signal });
    const second = fixture.ask();
    leaver.abort();
    expect(await first).toMatchObject({ outcome: IGNORED, isError: true });
    expect(cut()).toBe(false);
    end(good('shared'));
    expect(await second).toMatchObject({ text: 'shared', kept: true });
    expect(fixture.made).toBe(0);
    expect(fixture.results.stats()).toMatchObject({ collapsed: 1, inFlight: 0 });
  });

  it('are not kept of a call that everybody has left', async () => {
    const fixture = new Fixture();
    const { call, end, cut } = slow();
    const leaver = new AbortController();
    const first = fixture.ask({ call, signal: leaver.signal });
    leaver.abort();
    expect(cut()).toBe(true);
    expect(await fixture.texts({})).toEqual(['call 1']);
    end({ outcome: IGNORED, text: 'cut', isError: true });
    await first;
    expect(await fixture.texts({})).toEqual(['call 1']);
  });
});
