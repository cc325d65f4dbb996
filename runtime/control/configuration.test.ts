import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Configuration } from '../../contract/generated/types.ts';
import { configuration } from '../testing/configuration.ts';
import { ActiveConfiguration } from './configuration.ts';
import type { Offer } from './configuration.ts';

interface Setup {
  active: ActiveConfiguration;
  applied: string[];
  offers: Offer[];
  /** Number of files that another writer than the operator made. */
  tampered: () => number;
}

function setup(): Setup {
  const applied: string[] = [];
  const offers: Offer[] = [];
  let tampered = 0;
  const active = new ActiveConfiguration({
    apply: ({ content }) => void applied.push(content.endpoints[0]!.baseURL),
    date: () => new Date(0),
    onChange: (offer) => offers.push(offer),
    onTampered: () => (tampered += 1),
    log: pino({ level: 'silent' }),
  });
  return { active, applied, offers, tampered: () => tampered };
}

/** A configuration whose content, and so its hash, follows from `host`. */
function make(host: string, term: number, counter: number): Configuration {
  return configuration(`http://${host}`, {}, { term, counter });
}
const file = (host: string, term: number, counter: number): string =>
  JSON.stringify(make(host, term, counter));

describe('a configuration from the file', () => {
  it('is accepted at the start and when it is newer, but not when it is older or the same', () => {
    const { active, applied } = setup();
    expect(active.offerFile(file('a', 2, 5))).toBe('Applied');
    expect(active.offerFile(file('b', 2, 4))).toBe('Older');
    expect(active.offerFile(file('b', 1, 9))).toBe('Older');
    expect(active.offerFile(file('a', 2, 5))).toBe('Unchanged');
    expect(active.offerFile(file('b', 2, 6))).toBe('Applied');
    expect(active.offerFile(file('c', 3, 1))).toBe('Applied');
    expect(applied).toEqual(['http://a', 'http://b', 'http://c']);
    expect(active.status().source).toBe('File');
    expect(active.highestTerm).toBe(3);
  });

  it('counts as tampered with when its content has another hash than it states', () => {
    const { active, tampered } = setup();
    active.offerFile(file('a', 1, 1));
    active.offerFile(file('b', 1, 2));
    expect(tampered()).toBe(0);
    active.offerFile(file('b', 1, 3).replace('"connectMs":2000', '"connectMs":2001'));
    expect(tampered()).toBe(1);
  });

  it('of the same hash changes only the revision', () => {
    const { active, applied } = setup();
    active.offerFile(file('a', 1, 1));
    expect(active.offerFile(file('a', 1, 2))).toBe('Unchanged');
    expect(applied).toHaveLength(1);
    expect(active.status().revision).toEqual({ term: 1, counter: 2 });
  });

  it.each([
    ['{', 'it is not JSON'],
    ['{"revision":{"term":1}}', 'must have required property'],
    [
      file('a', 9, 9).replace('"connectMs":2000', '"connectMs":"secret-value"'),
      '/content/timeouts/connectMs',
    ],
  ])('is refused whole if it is malformed', (text, message) => {
    const { active, applied, offers } = setup();
    active.offerFile(file('a', 1, 1));
    expect(active.offerFile(text)).toBe('Refused');
    const { refused, revision, hash } = active.status();
    expect(refused).toMatchObject({ source: 'File', time: '1970-01-01T00:00:00.000Z' });
    expect(refused!.message).toContain(message);
    expect(refused!.message).not.toContain('secret-value');
    expect(revision).toEqual({ term: 1, counter: 1 });
    expect(hash).toBe(make('a', 1, 1).hash);
    expect(applied).toHaveLength(1);
    expect(offers).toEqual(['Applied', 'Refused']);
    expect(active.offerFile(file('a', 1, 1))).toBe('Unchanged');
    expect(active.status().refused).toBeUndefined();
  });
});

describe('a configuration from the link', () => {
  it('is authoritative whatever its revision', () => {
    const { active } = setup();
    active.offerFile(file('a', 7, 7));
    expect(active.offerPush(1, make('b', 1, 1))).toBe('Applied');
    expect(active.status()).toMatchObject({ revision: { term: 1, counter: 1 }, source: 'Link' });
    expect(active.offerFile(file('a', 1, 2))).toBe('Applied');
  });

  it('of the same hash changes the revision and ends a refusal', () => {
    const { active, applied } = setup();
    active.offerFile(file('a', 2, 2));
    active.refuse('Link', 'wrong', { hash: 'no hash' });
    expect(active.status().refused).toEqual({
      source: 'Link',
      message: 'wrong',
      time: '1970-01-01T00:00:00.000Z',
    });
    expect(active.offerPush(2, make('a', 1, 1))).toBe('Unchanged');
    expect(active.status().revision).toEqual({ term: 1, counter: 1 });
    expect(active.status().refused).toBeUndefined();
    expect(applied).toHaveLength(1);
  });

  it('is stale below the highest announced term, but not below a term from the file', () => {
    const { active } = setup();
    active.offerFile(file('a', 9, 1));
    expect(active.staleTerm(3)).toBeUndefined();
    active.announce(5);
    active.announce(4);
    expect(active.staleTerm(4)).toContain('term 4 is below 5');
    expect(active.staleTerm(5)).toBeUndefined();
    expect(active.highestTerm).toBe(9);
  });
});
