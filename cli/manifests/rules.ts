import { isIP } from 'node:net';
import { Environment, Optional } from '@marcbachmann/cel-js';
import type { Rule, Schema } from '../../crds/definitions.ts';
import type { Fault, Path } from './schema.ts';

const CEL = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
}).registerFunction('isCIDR(string): bool', isCidr);

/** As for the creation of an object: there is none before it. */
const oldSelf = Optional.none();

type Evaluate = (context: { self: unknown; oldSelf: unknown }) => unknown;

/** Rules of schemas beyond their structure; each is parsed once. */
export class Rules {
  readonly #parsed = new Map<string, Evaluate>();

  /** Faults of a structurally valid object by the rules in CEL and those for lists. */
  broken(value: unknown, schema: Schema, path: Path = []): Fault[] {
    if (value === undefined || value === null) return [];
    const rules = schema['x-kubernetes-validations'] ?? [];
    return [
      ...rules.filter(({ rule }) => !this.#holds(rule, value)).map((rule) => fault(rule, path)),
      ...duplicates(value, schema, path),
      ...below(value, schema).flatMap(([step, child, its]) =>
        this.broken(child, its, [...path, step]),
      ),
    ];
  }

  /** As for the API server, a rule with an error counts as violated. */
  #holds(rule: string, self: unknown): boolean {
    let evaluate = this.#parsed.get(rule);
    if (evaluate === undefined) {
      evaluate = CEL.parse(rule) as Evaluate;
      this.#parsed.set(rule, evaluate);
    }
    try {
      return evaluate({ self: withIntegers(self), oldSelf }) === true;
    } catch {
      return false;
    }
  }
}

function fault({ rule, message, fieldPath = '' }: Rule, path: Path): Fault {
  const steps = fieldPath.split('.').filter((step) => step !== '');
  return { path: [...path, ...steps], message: message ?? `breaks the rule ${rule}` };
}

function below(value: unknown, schema: Schema): [string | number, unknown, Schema][] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? [] : value.map((item, index) => [index, item, items]);
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => {
    const its = schema.properties?.[name] ?? schema.additionalProperties;
    return its === undefined ? [] : [[name, child, its] as [string, unknown, Schema]];
  });
}

/** CEL tells whole numbers from others; in JavaScript they are bigints. */
function withIntegers(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(withIntegers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withIntegers(each)]));
}

function duplicates(value: unknown, schema: Schema, path: Path): Fault[] {
  const type = schema['x-kubernetes-list-type'];
  if (!Array.isArray(value) || (type !== 'map' && type !== 'set')) return [];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const seen = new Set<string>();
  return value.flatMap((item: unknown, index) => {
    const identity =
      type === 'set' ? item : keys.map((key) => (item as Record<string, unknown>)[key]);
    const text = JSON.stringify(identity);
    if (!seen.has(text)) return seen.add(text) && [];
    const what = keys.length === 0 ? 'value' : keys.join(' and ');
    return [{ path: [...path, index], message: `has the ${what} of another; remove or rename it` }];
  });
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}
