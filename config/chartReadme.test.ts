import { expect, it } from '@jest/globals';
import { chartReadme } from './chartReadme.ts';

const SCHEMA = JSON.stringify({
  properties: {
    global: { type: 'object' },
    replicas: { type: 'integer', minimum: 0, maximum: 10 },
    image: {
      type: 'object',
      properties: { policy: { enum: ['Always', ''] }, name: { $ref: '#/definitions/name' } },
    },
  },
  definitions: { name: { type: 'string', pattern: '^(a|b)?$' } },
});

const VALUES = `# How many pods,
# at least one.
replicas: 2

# Which image.
image:
  # When it is pulled.
  policy: Always
  # Its name.
  name: ''
`;

it('the README of the chart lists each value with its type, default and meaning', () => {
  const table = chartReadme(SCHEMA, VALUES).split('| --- |\n')[1];
  expect(table).toBe(
    [
      '| `replicas` | integer, 0 to 10 | `2` | How many pods, at least one. |',
      '| `image` | object |  | Which image. |',
      '| `image.policy` | `Always` or `\'\'` | `"Always"` | When it is pulled. |',
      "| `image.name` | string, `^(a\\|b)?$` | `''` | Its name. |",
      '',
    ].join('\n'),
  );
});

it('the check names values that are missing or undescribed', () => {
  expect(() => chartReadme(SCHEMA, VALUES.replace('  policy: Always\n', ''))).toThrow(
    'values.yaml lacks image.policy',
  );
  expect(() => chartReadme(SCHEMA, VALUES.replace('  # Its name.\n', ''))).toThrow(
    'values.yaml says nothing of image.name',
  );
});
