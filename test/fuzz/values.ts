import type { Random } from './random.ts';

/** What JSON Schema and the structural schemas of custom resources have in common, and what each adds. */
export interface AnySchema {
  type?: string;
  const?: unknown;
  default?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Record<string, AnySchema>;
  items?: AnySchema | readonly AnySchema[];
  additionalProperties?: AnySchema | boolean;
  oneOf?: readonly AnySchema[];
  anyOf?: readonly AnySchema[];
  allOf?: readonly AnySchema[];
  $ref?: string;
  'x-kubernetes-validations'?: readonly { rule: string }[];
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
}

/** How a value is made: as large as its schema and the budget of bytes allow, or of any size; and whether it fits. */
export interface Making {
  random: Random;
  /** Finds what a $ref names. */
  refer: (ref: string) => AnySchema;
  large: boolean;
  /** Share of values that do not fit their schema. */
  wrong: number;
  /** Bytes that are left. */
  budget: { bytes: number };
}

/** Texts of which one fits most patterns; what is long is made of them. */
const TEXTS = [
  ...[
    'a',
    'primary',
    'Authorization',
    'claude-x',
    '/v1/models',
    '30s',
    '1m30s',
    '100ms',
    '0.5',
    '25%',
  ],
  ...[
    'http://127.0.0.1:1/',
    'https://x.invalid/{id}',
    'redis://127.0.0.1:1',
    '10.0.0.0/8',
    'x.invalid',
  ],
  ...[
    'model/primary',
    'tool/a',
    'mcp/a',
    '2026-01-01T00:00:00Z',
    'app.kubernetes.io/name',
    'v1.2.3',
  ],
  ...[`sha256:${'0'.repeat(64)}`, '0'.repeat(64), 'ES256', 'orders', 'A_B', '1', 'true'],
];

type Maker = (schema: AnySchema, making: Making) => unknown;

const MAKERS: Record<string, Maker> = {
  object: objectFor,
  array: listFor,
  string: textFor,
  integer: numberFor,
  number: numberFor,
  boolean: (_, { random }) => random.chance(0.5),
};

/** A value for a schema. */
export function valueFor(schema: AnySchema, making: Making): unknown {
  const { random, budget } = making;
  if (random.chance(making.wrong)) return wrongValue(random);
  budget.bytes -= 4;
  const whole = resolved(schema, making);
  if ('const' in whole) return whole.const;
  if (whole.enum) return random.pick(whole.enum);
  if (whole['x-kubernetes-int-or-string']) return random.pick<unknown>([1, '25%', '100%', 0]);
  const make = MAKERS[whole.type ?? (whole.properties ? 'object' : '')];
  return make ? make(whole, making) : anyJson(making, 4);
}

function resolved(schema: AnySchema, making: Making): AnySchema {
  const { $ref, oneOf, anyOf, allOf } = schema;
  if ($ref !== undefined) return resolved(making.refer($ref), making);
  const choice = oneOf ?? anyOf;
  if (choice)
    return {
      ...schema,
      oneOf: undefined,
      anyOf: undefined,
      ...resolved(making.random.pick(choice), making),
    };
  if (allOf)
    return Object.assign(
      {},
      schema,
      { allOf: undefined },
      ...allOf.map((each) => resolved(each, making)),
    ) as AnySchema;
  return schema;
}

function objectFor(schema: AnySchema, making: Making): Record<string, unknown> {
  const { budget } = making;
  const { properties = {}, additionalProperties: more } = schema;
  const made: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(properties)) {
    if (!isAsked(name, part, schema, making)) continue;
    budget.bytes -= name.length;
    made[name] = valueFor(part, making);
  }
  if (schema['x-kubernetes-preserve-unknown-fields']) Object.assign(made, hostileJson(making));
  else if (typeof more === 'object') {
    const count = countOf(0, schema.maxProperties ?? 64, making);
    for (let i = 0; i < count && budget.bytes > 0; i += 1) made[`a${i}`] = valueFor(more, making);
  }
  return made;
}

function isAsked(
  name: string,
  part: AnySchema,
  { required = [] }: AnySchema,
  { random, large, budget }: Making,
): boolean {
  // What has a default is there, for the API server puts it there.
  if (required.includes(name) || part.default !== undefined) return true;
  return budget.bytes > 0 && random.chance(large ? 0.95 : 0.3);
}

function listFor(schema: AnySchema, making: Making): unknown[] {
  const { items, minItems = 0, maxItems = 64 } = schema;
  if (items === undefined) return [];
  if (Array.isArray(items)) return items.map((each: AnySchema) => valueFor(each, making));
  const count = countOf(minItems, maxItems, making);
  const list: unknown[] = [];
  for (let i = 0; i < count && (i < minItems || making.budget.bytes > 0); i += 1) {
    const value = valueFor(items as AnySchema, making);
    makeUnique(value, schema['x-kubernetes-list-map-keys'] ?? [], i);
    list.push(value);
  }
  return schema['x-kubernetes-list-type'] === 'set' ? [...new Set(list)] : list;
}

/** No two elements of a list may have the same keys. */
function makeUnique(value: unknown, keys: readonly string[], index: number): void {
  if (typeof value !== 'object' || value === null) return;
  for (const key of keys) {
    const name = (value as Record<string, unknown>)[key];
    if (typeof name === 'string') Object.assign(value, { [key]: `${name.slice(0, 24)}${index}` });
  }
}

function countOf(least: number, most: number, { random, large }: Making): number {
  if (large) return random.chance(0.7) ? most : least + random.below(most - least + 1);
  return Math.min(most, least + random.below(3));
}

function numberFor(
  { minimum = 0, maximum = 2 ** 53 - 1, type }: AnySchema,
  { random }: Making,
): number {
  if (type === 'number')
    return random.pick([minimum, minimum + random.next(), Math.min(maximum, 1e300)]);
  return random.pick([
    minimum,
    maximum,
    minimum + random.below(Math.min(maximum - minimum + 1, 1000)),
  ]);
}

function textFor(schema: AnySchema, making: Making): string {
  const { random, large, budget } = making;
  const { minLength = 0, maxLength = 1024 } = schema;
  let texts = known.get(schema);
  if (!texts) known.set(schema, (texts = textsOf(schema)));
  const { fitting, longest } = texts;
  if (large && longest.length > 0 && budget.bytes > maxLength && random.chance(0.5)) {
    budget.bytes -= maxLength;
    return random.pick(longest);
  }
  if (fitting.length > 0) return random.pick(fitting);
  return 'a'.repeat(Math.max(minLength, Math.min(maxLength, 8)));
}

function textsOf(schema: AnySchema): { fitting: string[]; longest: string[] } {
  const { minLength = 0, maxLength = 1024 } = schema;
  const patterns = patternsOf(schema);
  const fits = (text: string): boolean =>
    text.length >= minLength &&
    text.length <= maxLength &&
    patterns.every((each) => each.test(text));
  const fitting = TEXTS.filter(fits);
  const longest = fitting.flatMap((text) => [
    text + 'a'.repeat(maxLength - text.length),
    text.repeat(Math.floor(maxLength / text.length)),
  ]);
  return { fitting, longest: longest.filter(fits) };
}

const known = new WeakMap<AnySchema, { fitting: string[]; longest: string[] }>();

/** Patterns of the schema, and those that a rule in CEL has the text match. */
function patternsOf({ pattern, 'x-kubernetes-validations': rules = [] }: AnySchema): RegExp[] {
  const inRules = rules.flatMap(({ rule }) => /^self\.matches\('([^']+)'\)/.exec(rule)?.[1] ?? []);
  return [...(pattern === undefined ? [] : [pattern]), ...inRules].flatMap((text) => {
    try {
      return [new RegExp(text.replaceAll('\\\\', '\\'), 'u')];
    } catch {
      return [];
    }
  });
}

/** Objects that are small to write and may be much to work on: JSON Schemas and pod templates among them. */
function hostileJson(making: Making): Record<string, unknown> {
  const { random, budget } = making;
  const names = (count: number, of: unknown): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, of]));
  if (random.chance(0.02)) return hugeJson(random, names);
  const many = random.pick([10, 50, 150, 300]);
  const made = random.pick<() => object>([
    () => ({ type: 'object' }),
    () => ({
      type: 'object',
      definitions: { a: { properties: names(many, { minLength: 1 }) } },
      properties: names(many, { $ref: '#/definitions/a' }),
    }),
    () => nested(random.pick([10, 30, 200]), 'properties'),
    () => nested(random.pick([10, 30, 2000]), 'allOf'),
    () => ({
      type: 'object',
      properties: { a: { pattern: '^(a+)+$', format: 'x\n{"level":"fatal"}' } },
    }),
    () => ({ metadata: { labels: names(many, 'x'), annotations: names(many, 'y'.repeat(100)) } }),
    () => ({
      spec: {
        containers: Array.from({ length: many }, (_, i) => ({
          name: `c${i}`,
          env: [{ name: 'A', value: 'b' }],
        })),
      },
    }),
    () => ({
      spec: {
        volumes: Array.from({ length: many }, (_, i) => ({
          name: `v${i}`,
          hostPath: { path: '/' },
        })),
      },
    }),
    () => anyObject(making, 6),
  ])();
  budget.bytes -= 16_384;
  return made as Record<string, unknown>;
}

/** Up to what the API server takes: thousands of levels, and of members. */
function hugeJson(
  random: Random,
  names: (count: number, of: unknown) => object,
): Record<string, unknown> {
  return random.pick<() => Record<string, unknown>>([
    () => ({ spec: nested(random.pick([900, 3000]), 'a') }),
    () => ({ spec: names(random.pick([10_000, 60_000]), {}) }),
    () => ({ metadata: { annotations: names(20_000, 'y') } }),
    () => ({ spec: { tolerations: Array(200_000).fill({}) } }),
  ])();
}

const NESTING: Record<string, (inner: object) => object> = {
  allOf: (inner) => ({ allOf: [inner] }),
  properties: (inner) => ({ type: 'object', properties: { a: inner } }),
};

function nested(levels: number, by: string): object {
  let made: object = { type: 'object' };
  for (let i = 0; i < levels; i += 1) made = NESTING[by]?.(made) ?? { [by]: made };
  return made;
}

function wrongValue(random: Random): unknown {
  return random.pick<unknown>([
    ...[
      null,
      -1,
      1e308,
      2 ** 53,
      '',
      [],
      {},
      true,
      'x'.repeat(5000),
      ['a', ['b']],
      { a: { b: {} } },
    ],
    ...[
      '\u0000',
      '\ud800',
      { __proto__: 1 },
      JSON.parse('{"__proto__":{"a":1},"constructor":1}') as unknown,
      Array(500).fill({}),
    ],
  ]);
}

function anyObject(making: Making, depth: number): Record<string, unknown> {
  const { random } = making;
  return Object.fromEntries(
    Array.from({ length: random.below(6) }, (_, i) => [
      random.pick(['a', 'type', '$ref', 'properties', 'spec', 'items', `k${i}`]),
      anyJson(making, depth - 1),
    ]),
  );
}

export function anyJson(making: Making, depth: number): unknown {
  const { random } = making;
  if (depth <= 0 || random.chance(0.4)) return wrongValue(random);
  return random.chance(0.5)
    ? Array.from({ length: random.below(5) }, () => anyJson(making, depth - 1))
    : anyObject(making, depth);
}
