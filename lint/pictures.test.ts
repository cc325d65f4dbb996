import { expect, it } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PICTURE, servedPicture, TABLE } from '../test/bench/harm/served.ts';

const images = join(import.meta.dirname, '../docs/images');

it('the picture of the README shows what docs/images/harm.svg has; node test/bench/harm/served.ts draws it', () => {
  expect(readFileSync(PICTURE, 'utf8')).toBe(servedPicture(readFileSync(TABLE, 'utf8')));
});

it.each(globSync('*.svg', { cwd: images }))('%s shows something', (file) => {
  const text = readFileSync(join(images, file), 'utf8');
  expect(text.match(/<(?:rect|path|text)\b/g)?.length).toBeGreaterThan(10);
});
