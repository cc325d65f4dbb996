import { Ajv } from 'ajv';
import { InvalidSpecError } from '../common/errors.ts';

type Json = Record<string, unknown>;

/** Bounds on the input schemas of an agent, so that their size bounds the work. */
export const SCHEMA_BOUNDS = {
  toolBytes: 32 * 1024,
  agentBytes: 256 * 1024,
  depth: 32,
  toolRefs: 128,
  agentRefs: 1024,
} as const;

/** Greatest useful number of types: JSON has seven. */
const MAX_TYPES = 7;
/** Keywords whose value is a schema, or a list of them. */
const SCHEMAS: ReadonlySet<string> = new Set([
  'additionalItems',
  'additionalProperties',
  'allOf',
  'anyOf',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'oneOf',
  'propertyNames',
  'then',
]);
/** Keywords whose value has a schema for each name. */
const MAPS: ReadonlySet<string> = new Set([
  '$defs',
  'definitions',
  'dependencies',
  'patternProperties',
  'properties',
]);

/** Checks the input schemas of one agent's tools without compiling them; pods compile them. */
export class InputSchemas {
  #bytes = 0;
  #refs = 0;

  /** @throws InvalidSpecError for a value that is not a JSON Schema or exceeds the bounds */
  check(tool: string, schema: Json): void {
    const field = `spec.tools[${tool}].inputSchema`;
    if (schema.type !== 'object') throw invalid(`${field} must have type: object`);
    checkDepth(field, schema);
    this.#size(field, schema);
    this.#count(field, schema);
    const fault = metaSchemaFault(schema) ?? contentFault(schema, schema);
    if (fault !== undefined) throw invalid(`${field} is not a JSON Schema: ${fault.slice(0, 256)}`);
  }

  #size(field: string, schema: Json): void {
    const { toolBytes, agentBytes } = SCHEMA_BOUNDS;
    const size = Buffer.byteLength(JSON.stringify(schema));
    this.#bytes += size;
    if (size > toolBytes) {
      throw invalid(
        `${field} has ${size} bytes and may have ${toolBytes}; shorten its descriptions, or split the tool`,
      );
    }
    if (this.#bytes > agentBytes) {
      throw invalid(
        `${field}: the input schemas of all tools have more than ${agentBytes} bytes together; shorten them, or split the agent`,
      );
    }
  }

  #count(field: string, schema: Json): void {
    const { toolRefs, agentRefs } = SCHEMA_BOUNDS;
    const counts = measure(schema);
    this.#refs += counts.refs;
    if (counts.types > MAX_TYPES) {
      throw invalid(
        `${field} has a type with ${counts.types} entries; there are ${MAX_TYPES} types`,
      );
    }
    if (counts.refs > toolRefs) {
      throw invalid(`${field} has ${counts.refs} $refs and may have ${toolRefs}; use fewer`);
    }
    if (this.#refs > agentRefs) {
      throw invalid(
        `${field}: the input schemas of all tools have more than ${agentRefs} $refs together; use fewer, or split the agent`,
      );
    }
  }
}

function invalid(message: string): InvalidSpecError {
  return new InvalidSpecError('InvalidTool', message);
}

/** Comes before all else: to write a schema of thousands of levels would overflow the stack. */
function checkDepth(field: string, schema: Json): void {
  if (isWithin(schema, SCHEMA_BOUNDS.depth)) return;
  throw invalid(
    `${field} is nested more than ${SCHEMA_BOUNDS.depth} levels deep; move inner schemas to definitions and refer to them by $ref`,
  );
}

export function isWithin(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  for (const name in value) if (!isWithin((value as Json)[name], levels - 1)) return false;
  return true;
}

/** References and the longest list of types of a value of JSON. */
function measure(value: unknown): { refs: number; types: number } {
  const counts = { refs: 0, types: 0 };
  const open: unknown[] = [value];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (typeof each !== 'object' || each === null) continue;
    for (const [key, inner] of Object.entries(each)) {
      if (typeof inner === 'string' && key === '$ref') counts.refs += 1;
      if (key === 'type' && Array.isArray(inner))
        counts.types = Math.max(counts.types, inner.length);
      open.push(inner);
    }
  }
  return counts;
}

/** Compiles the meta-schema. Otherwise the first tool waits for that. */
export function compileMetaSchema(): void {
  metaSchemaFault({ type: 'object' });
}

let ajv: Ajv | undefined;

/** The meta-schema's fault with a schema. Neither compiles nor prints the schema. */
function metaSchemaFault(schema: Json): string | undefined {
  ajv ??= new Ajv({ strict: false, logger: false });
  const { $schema } = schema;
  if (typeof $schema === 'string' && ajv.getSchema($schema) === undefined) {
    return `$schema ${$schema} is not known; remove it, or use http://json-schema.org/draft-07/schema#`;
  }
  if (ajv.validateSchema(schema) === true) return undefined;
  return ajv.errorsText(ajv.errors, { dataVar: 'inputSchema' });
}

/** Faults that the meta-schema cannot detect: invalid patterns and references. `root` is a schema. */
function contentFault(schema: unknown, root: Json): string | undefined {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  for (const [keyword, value] of Object.entries(schema)) {
    const fault = keywordFault(keyword, value, root);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function keywordFault(keyword: string, value: unknown, root: Json): string | undefined {
  const check = CHECKS.get(keyword);
  if (check) return check(value, root);
  if (SCHEMAS.has(keyword)) return firstFault(Array.isArray(value) ? value : [value], root);
  if (!MAPS.has(keyword) || typeof value !== 'object' || value === null) return undefined;
  const patterns = keyword === 'patternProperties' ? Object.keys(value) : [];
  return firstOf(patterns, patternFault) ?? firstFault(Object.values(value), root);
}

type Check = (value: unknown, root: Json) => string | undefined;

/** Checks of keywords that contain no schema. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['$ref', (value, root) => (typeof value === 'string' ? refFault(value, root) : undefined)],
  ['pattern', (value) => (typeof value === 'string' ? patternFault(value) : undefined)],
]);

function firstFault(schemas: readonly unknown[], root: Json): string | undefined {
  return firstOf(schemas, (each) => contentFault(each, root));
}

function firstOf<T>(
  all: readonly T[],
  faultOf: (each: T) => string | undefined,
): string | undefined {
  for (const each of all) {
    const fault = faultOf(each);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Parses a pattern and never runs it. */
function patternFault(pattern: string): string | undefined {
  try {
    new RegExp(pattern, 'u');
    return undefined;
  } catch {
    return `pattern ${pattern} is not a regular expression`;
  }
}

/** Checks local references only. Pods check references by $id. */
function refFault(ref: string, root: Json): string | undefined {
  if (ref === '#' || !ref.startsWith('#/')) return undefined;
  let found: unknown = root;
  for (const part of ref.slice(2).split('/')) {
    const name = decode(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) {
      return `$ref ${ref} refers to nothing`;
    }
    found = (found as Json)[name];
  }
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
