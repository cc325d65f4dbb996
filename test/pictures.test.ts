import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { picture } from './bench/recovery/picture.ts';
import type { Recovery } from './bench/recovery/simulation.ts';

const IMAGE = join(import.meta.dirname, '../docs/images/recovery.svg');

const SECOND = { asked: 1, served: 1, refused: 0, overloaded: 0, probes: 0 };

const recovery = (changes: Recovery['changes']): Recovery => ({ seconds: [SECOND], changes });

it('a picture of no change of state is an error, and not an empty picture', () => {
  const drawn = recovery([
    { pod: 0, at: 1000, to: 'Open' },
    { pod: 0, at: 3000, to: 'HalfOpen' },
  ]);
  expect(picture(drawn, drawn)).toContain('<path d="M1 1h2"');
  expect(() => picture(drawn, recovery([]))).toThrow('no circuit was ever Open');
});

it('the picture in the documents shows open and half-open circuits, before and after', () => {
  const image = readFileSync(IMAGE, 'utf8');
  expect(image.match(/<path d="M\d/g)).toHaveLength(4);
});
