import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { commandPage, PAGE } from './reference.ts';

it('docs/reference/command.md is what the commands say; `make generate` writes it', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(commandPage());
});
