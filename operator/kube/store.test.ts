import { describe, expect, it } from '@jest/globals';
import { AS_TEXT, Store, type Codec } from './store.ts';

interface Thing {
  name: string;
  colours: string[];
}

const red: Thing = { name: 'a', colours: ['red'] };

describe.each([
  ['as they are', undefined],
  ['as text', AS_TEXT as Codec<Thing>],
])('a store that keeps objects %s', (_, codec) => {
  const filled = (): Store<Thing> => {
    const store = new Store<Thing>(codec);
    store.set('a', red);
    store.set('b', { name: 'b', colours: ['red', 'blue'] });
    store.addIndex('colour', ({ colours }) => colours);
    return store;
  };

  it('the store returns the objects that were added', () => {
    const store = filled();
    expect(store.get('a')).toEqual(red);
    expect(store.get('c')).toBeUndefined();
    expect([...store.values()].map(({ name }) => name)).toEqual(['a', 'b']);
    expect(store.set('a', { name: 'a', colours: [] })).toEqual(red);
    expect(store.delete('a')).toEqual({ name: 'a', colours: [] });
    expect(store.delete('a')).toBeUndefined();
    expect(store.size).toBe(1);
  });

  it('the store finds objects and keys by their current indexes', () => {
    const store = filled();
    expect(store.keysByIndex('colour', 'red')).toEqual(['a', 'b']);
    store.set('a', { name: 'a', colours: ['green'] });
    store.delete('b');
    expect(store.keysByIndex('colour', 'red')).toEqual([]);
    expect(store.byIndex('colour', 'green')).toEqual([{ name: 'a', colours: ['green'] }]);
    expect(() => store.keysByIndex('size', '1')).toThrow('no index named size');
  });
});

describe('a store that keeps objects as text', () => {
  it('returns a copy each time', () => {
    const store = new Store<Thing>(AS_TEXT as Codec<Thing>);
    store.set('a', red);
    store.get('a')!.colours.push('blue');
    expect(store.get('a')).toEqual(red);
  });
});
