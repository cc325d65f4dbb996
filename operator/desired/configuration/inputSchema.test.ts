import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolveTools } from './tools.ts';
import { SCHEMA_BOUNDS } from './inputSchema.ts';

type ToolSpec = NonNullable<Parameters<typeof resolveTools>[0]['tools']>[number];

const run = promisify(execFile);

function toolWith(inputSchema: object, name = 'find'): ToolSpec {
  return {
    name,
    description: 'Finds.',
    inputSchema: { type: 'object', ...inputSchema },
    http: { url: 'https://orders.example.com', method: 'POST', maxResponseBytes: 1000 },
    maxConcurrent: 1,
  };
}

const resolved = (...tools: ToolSpec[]): unknown => resolveTools({ tools } as never);

/** `count` properties that refer to a schema of `count` keywords. */
function explosive(count: number): object {
  const names = Array.from({ length: count }, (_, i) => `p${i}`);
  const to = (value: (name: string) => unknown): object =>
    Object.fromEntries(names.map((name) => [name, value(name)]));
  return {
    definitions: { a: { properties: to(() => ({ minLength: 1 })) } },
    properties: to(() => ({ $ref: '#/definitions/a' })),
  };
}

/** The result of checking a tool in a process with the operator's code and a small heap. */
async function inOperator(tool: ToolSpec): Promise<{ ms: number; output: string }> {
  const module = join(import.meta.dirname, 'tools.ts');
  const script = `
    const { resolveTools } = await import(${JSON.stringify(module)});
    const began = performance.now();
    let end = 'resolved';
    try { resolveTools({ tools: [JSON.parse(process.argv[1])] }); } catch ({ message }) { end = message; }
    console.log(JSON.stringify({ ms: performance.now() - began, end }));`;
  const { stdout, stderr } = await run(process.execPath, [
    '--max-old-space-size=256',
    '--input-type=module',
    '-e',
    script,
    JSON.stringify(tool),
  ]);
  const { ms, end } = JSON.parse(stdout) as { ms: number; end: string };
  return { ms, output: end + stderr };
}

describe('an input schema', () => {
  it('is not compiled by the operator, even with 300 properties × 300 keywords', async () => {
    const tool = toolWith(explosive(300));
    expect(JSON.stringify(tool.inputSchema).length).toBeLessThan(SCHEMA_BOUNDS.toolBytes);
    const { output } = await inOperator(tool);
    expect(output).toContain('300 $refs and may have 128');
    expect((await inOperator(toolWith(explosive(128)))).output).toBe('resolved');
  });

  it('leaves no line in the log, whatever the names of its formats', async () => {
    const format = 'x\n{"level":"error","msg":"forged"}';
    const { output } = await inOperator(toolWith({ properties: { a: { format } } }));
    expect(output).toBe('resolved');
  });

  it.each([
    ['type: object', { type: 'string' }, 'must have type: object'],
    ['bytes', { description: 'x'.repeat(33_000) }, 'bytes and may have 32768; shorten'],
    ['depth', deep(40), 'nested more than 32 levels deep; move inner schemas to definitions'],
    ['much depth', deep(9000), 'nested more than 32 levels deep'],
    ['types', { properties: { a: { type: ['string', 'strange'] } } }, 'is not a JSON Schema'],
    [
      'long types',
      { not: { type: Array.from({ length: 8000 }, () => 1) } },
      'a type with 8000 entries',
    ],
    ['patterns', { properties: { a: { pattern: '(' } } }, 'pattern ( is not a regular expression'],
    ['references', { properties: { a: { $ref: '#/definitions/a' } } }, 'refers to nothing'],
    ['drafts', { $schema: 'https://example.com' }, '$schema https://example.com is not known'],
  ])('is refused for its %s, and the error says what to change', (_, schema, message) => {
    expect(() => resolved(toolWith(schema))).toThrow(message);
  });

  it('counts together with those of the other tools', () => {
    const tools = Array.from({ length: 9 }, (_, i) =>
      toolWith({ description: 'x'.repeat(30_000) }, `tool_${i}`),
    );
    expect(resolved(...tools.slice(0, 8))).toBeDefined();
    expect(() => resolved(...tools)).toThrow(
      'spec.tools[tool_8].inputSchema: the input schemas of all tools have more than 262144 bytes',
    );
  });

  it('may use all of draft-07', () => {
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      definitions: { 'a/b': { type: 'string', pattern: '^[a-z]+$' } },
      properties: {
        a: { $ref: '#/definitions/a~1b' },
        b: { anyOf: [true, { const: { $ref: 1 } }] },
      },
      patternProperties: { '^x-': { type: ['string', 'null'], format: 'uuid' } },
      additionalProperties: { $ref: '#' },
      constructor: 1,
    };
    expect(resolved(toolWith(schema))).toBeDefined();
  });
});

function deep(levels: number): object {
  let schema = {};
  for (let i = 0; i < levels; i += 1) schema = { not: schema };
  return schema;
}
