import { expect, it } from '@jest/globals';
import { ForwardSeal } from './forwardSeal.ts';

const KEY = 'sk-of-the-agent-at-its-provider';
const at = (now: number, secret: string | undefined = KEY): ForwardSeal =>
  new ForwardSeal({ now: () => now, secret: () => secret });

it('a sealed address opens with the same key, for a minute', () => {
  const text = at(1_800_000_000_000).seal('2001:db8::7');
  expect(at(1_800_000_059_000).open(text)).toBe('2001:db8::7');
  expect(at(1_799_999_941_000).open(text)).toBe('2001:db8::7');
  expect(at(1_800_000_061_000).open(text)).toBeUndefined();
  expect(at(1_800_000_000_000, `${KEY}2`).open(text)).toBeUndefined();
});

it('neither its address nor its time can be changed', () => {
  const [time, , mac] = at(1_800_000_000_000).seal('192.0.2.1').split(' ');
  expect(at(1_800_000_000_000).open(`${time} 192.0.2.2 ${mac}`)).toBeUndefined();
  expect(at(1_800_000_000_000).open(`1800000000001 192.0.2.1 ${mac}`)).toBeUndefined();
});

it.each(['short', ''])('a key that could be guessed seals nothing: %s', (secret) => {
  const seal = at(1_800_000_000_000, secret);
  expect(seal.seal('192.0.2.1')).toBe('1');
  expect(seal.open(at(1_800_000_000_000).seal('192.0.2.1'))).toBeUndefined();
});
