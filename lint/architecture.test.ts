import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
const [, section = ''] = /^## Three questions\n([^]*?)^## /m.exec(page) ?? [];
const answers = [...section.matchAll(/^\d\. `([^`]+)`, `([^`]+)`/gm)].map(
  ([, file = '', name = '']) => ({ file, name }),
);

it('docs/architecture.md answers three questions', () => {
  expect(section.match(/\?$/gm)).toHaveLength(3);
  expect(answers.length).toBeGreaterThanOrEqual(9);
});

it.each(answers)(
  '$file has the function $name that docs/architecture.md names',
  ({ file, name }) => {
    const definition = new RegExp(`^(export function |  (static )?)${name}\\(`, 'm');
    expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(definition);
  },
);
