import { describe, expect, it } from '@jest/globals';
import type { Configuration, Content } from '../../contract/generated/types.ts';
import { compareRevisions, MAX_TERM } from '../../contract/revision.ts';
import fc from '../../test/property.ts';
import { Revisions, type KnownRevisions } from './revisions.ts';

const content = {} as Content;
const stored = (term: number, counter: number, hash = 'sha256:a'): Configuration => ({
  revision: { term, counter },
  hash,
  content,
});
const nothing: KnownRevisions = { pods: [] };

describe('Revisions', () => {
  it('starts at the transitions of the Lease without a trace of a predecessor', () => {
    expect(new Revisions(4).decide(content, 'sha256:a', nothing)).toMatchObject({
      term: 4,
      configuration: { revision: { term: 4, counter: 1 } },
    });
  });

  it('is above every trace of a predecessor', () => {
    const known: KnownRevisions = {
      stored: stored(3, 7, 'sha256:old'),
      reported: { term: 9, counter: 2 },
      pods: [{ highestTerm: 11, revision: { term: 5, counter: 20 } }],
    };
    expect(new Revisions(1).decide(content, 'sha256:a', known)).toMatchObject({
      term: 12,
      configuration: { revision: { term: 12, counter: 21 } },
    });
  });

  it('keeps a stored configuration of the same content, whatever its author', () => {
    const decision = new Revisions(1).decide(content, 'sha256:a', {
      stored: stored(3, 7),
      pods: [],
    });
    expect(decision).toMatchObject({ term: 4 });
    expect(decision.configuration.revision).toEqual({ term: 3, counter: 7 });
  });

  it('keeps its revision while the cache still shows the object before its own write', () => {
    const revisions = new Revisions(1);
    const before: KnownRevisions = { stored: stored(1, 8, 'sha256:old'), pods: [] };
    const first = revisions.decide(content, 'sha256:a', before);
    expect(revisions.decide(content, 'sha256:a', before)).toEqual(first);
  });

  it('keeps the configuration of a paused agent under a new term, and goes above it afterwards', () => {
    const revisions = new Revisions(1);
    const kept = stored(3, 7, 'sha256:old');
    const known: KnownRevisions = { stored: kept, pods: [{ highestTerm: 5 }] };
    expect(revisions.keep(kept, known)).toEqual({ term: 6, configuration: kept });
    expect(revisions.decide(content, 'sha256:a', known)).toMatchObject({
      term: 6,
      configuration: { revision: { term: 6, counter: 8 } },
    });
  });

  it('goes above a configuration that another writer has stored meanwhile', () => {
    const revisions = new Revisions(1);
    revisions.decide(content, 'sha256:a', nothing);
    const known: KnownRevisions = { stored: stored(1, 99, 'sha256:theirs'), pods: [] };
    expect(revisions.decide(content, 'sha256:a', known).configuration.revision.counter).toBe(100);
  });

  it('continues counting when ConfigMap and status are deleted', () => {
    const revisions = new Revisions(1);
    revisions.decide(content, 'sha256:a', { stored: stored(1, 8), pods: [] });
    const decision = revisions.decide(content, 'sha256:b', nothing);
    expect(decision.configuration.revision).toEqual({ term: 2, counter: 9 });
  });

  it('raises its term when a pod shows a higher one, and only then', () => {
    const revisions = new Revisions(2);
    expect(revisions.decide(content, 'sha256:a', nothing).term).toBe(2);
    expect(revisions.decide(content, 'sha256:a', { pods: [{ highestTerm: 2 }] }).term).toBe(2);
    expect(revisions.decide(content, 'sha256:a', { pods: [{ highestTerm: 6 }] }).term).toBe(7);
  });

  it.each([
    ['the largest integer', Number.MAX_SAFE_INTEGER],
    ['the largest of the contract', MAX_TERM],
    ['one far above all that leaders left', 2_000],
  ])('does not follow a pod to %s, because no higher term would be left', (_name, highestTerm) => {
    const trace = { stored: stored(3, 7, 'sha256:old'), reported: { term: 5, counter: 7 } };
    const lying = { highestTerm, revision: { term: highestTerm, counter: highestTerm } };
    const honest = { highestTerm: 4, revision: { term: 3, counter: 7 } };
    const revisions = new Revisions(2);
    const known: KnownRevisions = { ...trace, pods: [lying, honest] };
    expect(revisions.decide(content, 'sha256:a', known)).toMatchObject({
      term: 6,
      configuration: { revision: { term: 6, counter: 8 } },
    });
    expect(revisions.decide(content, 'sha256:b', known)).toMatchObject({
      term: 6,
      configuration: { revision: { term: 6, counter: 9 } },
    });
  });

  it('does not rise step by step with a pod that always reports a higher term', () => {
    const revisions = new Revisions(2);
    let term = 0;
    let kept = stored(2, 1, 'sha256:0');
    for (let step = 1; step <= 5_000; step += 1) {
      const pods = [{ highestTerm: term + 900 }];
      const decision = revisions.decide(content, `sha256:${step}`, { stored: kept, pods });
      ({ term, configuration: kept } = decision);
    }
    expect(term).toBeLessThanOrEqual(2 + 1_001);
  });

  it('repairs an agent whose ConfigMap and status contain the highest possible term', () => {
    const known: KnownRevisions = {
      stored: stored(MAX_TERM, 7),
      reported: { term: MAX_TERM, counter: MAX_TERM },
      pods: [{ highestTerm: 3 }],
    };
    expect(new Revisions(2).decide(content, 'sha256:a', known)).toMatchObject({
      term: 4,
      configuration: { revision: { term: 4, counter: 1 } },
    });
  });

  it('stores its term when the stored one is many leaders old', () => {
    const known: KnownRevisions = { stored: stored(3, 7), pods: [{ highestTerm: 700 }] };
    const { term, configuration } = new Revisions(1).decide(content, 'sha256:a', known);
    expect({ term, revision: configuration.revision }).toEqual({
      term: 701,
      revision: { term: 701, counter: 8 },
    });
  });

  it('never repeats or lowers a revision while configurations change', () => {
    const revision = fc.record({ term: fc.nat(50), counter: fc.nat(50) });
    const step = fc.record({
      hash: fc.constantFrom('sha256:a', 'sha256:b', 'sha256:c'),
      wiped: fc.boolean(),
      pods: fc.array(fc.record({ highestTerm: fc.nat(50), revision }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.nat(10), fc.array(step, { maxLength: 20 }), (transitions, steps) => {
        const revisions = new Revisions(transitions);
        let kept: Configuration | undefined;
        let last = { hash: '', revision: { term: -1, counter: 0 } };
        for (const { hash, wiped, pods } of steps) {
          if (wiped) kept = undefined;
          const { configuration, term } = revisions.decide(content, hash, {
            ...(kept ? { stored: kept } : {}),
            pods,
          });
          for (const pod of pods) expect(term).toBeGreaterThanOrEqual(pod.highestTerm);
          const order = compareRevisions(configuration.revision, last.revision);
          if (configuration.hash === last.hash) expect(order).toBeGreaterThanOrEqual(0);
          else expect(order).toBeGreaterThan(0);
          last = configuration;
          kept = configuration;
        }
      }),
    );
  });
});
