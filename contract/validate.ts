import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import commandSchema from './command.schema.json' with { type: 'json' };
import configurationSchema from './configuration.schema.json' with { type: 'json' };
import type { Command, Configuration, Hello, Report, Revision } from './generated/types.ts';
import helloSchema from './hello.schema.json' with { type: 'json' };
import { type Copy, copierOf } from './known.ts';
import reportSchema from './report.schema.json' with { type: 'json' };

/** A valid value, or the reason why it is invalid. The reason repeats no value, because values can be secret. */
export type Parsed<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      message: string;
      /** Whether a newer peer sent a type of message that this version does not know. The receiver ignores it. */
      unknownType: boolean;
    };

/** Schemas of messages, by the `type` of the message. */
const HELLO = { Hello: 'hello.schema.json' };
const REPORTS = {
  Snapshot: 'report.schema.json#/definitions/Snapshot',
  Transition: 'report.schema.json#/definitions/TransitionReport',
  Counters: 'report.schema.json#/definitions/Counters',
  Fleet: 'report.schema.json#/definitions/FleetReport',
  ProviderUse: 'report.schema.json#/definitions/ProviderUse',
};
const COMMANDS = {
  Announce: 'command.schema.json#/definitions/Announce',
  Configure: 'command.schema.json#/definitions/Configure',
  Siblings: 'command.schema.json#/definitions/Siblings',
  FleetCircuits: 'command.schema.json#/definitions/FleetCircuits',
  Grant: 'command.schema.json#/definitions/Grant',
  Release: 'command.schema.json#/definitions/Release',
  ProviderShares: 'command.schema.json#/definitions/ProviderShares',
  NamespaceDeleted: 'command.schema.json#/definitions/NamespaceDeleted',
};

const FILES = new Map<string, object>(
  [configurationSchema, helloSchema, reportSchema, commandSchema].map((file) => [file.$id, file]),
);

let ajv: Ajv | undefined;
const copiers = new Map<string, Copy>();

/** Compiles a schema at its first use, so that the process starts quickly. */
function validator(schema: string): ValidateFunction {
  ajv ??= new Ajv({
    schemas: [...FILES.values()],
    validateSchema: false,
    messages: true,
    // Halves the time to compile. Each check then takes a little longer, but there are few.
    inlineRefs: false,
    code: { optimize: false },
  });
  return ajv.getSchema(schema)!;
}

/** Compiles the schemas of what runtimes say, one with each step. Otherwise the first messages wait for that. */
export function* compileReports(): Generator<void> {
  for (const schema of [...Object.values(HELLO), ...Object.values(REPORTS)]) {
    validator(schema);
    yield;
  }
}

/** Validates a resolved configuration, as in the agent's ConfigMap. Keeps unknown fields. */
export function parseConfiguration(value: unknown): Parsed<Configuration> {
  return check<Configuration>('configuration.schema.json', value);
}

/** Reads revision and hash of a configuration, whatever version of the operator wrote it. */
export function parsePublished(
  value: unknown,
): Pick<Configuration, 'revision' | 'hash'> | undefined {
  const { revision, hash } = (value ?? {}) as Partial<Configuration>;
  const parsed = check<Revision>('configuration.schema.json#/definitions/Revision', revision);
  return parsed.ok && typeof hash === 'string' ? { revision: parsed.value, hash } : undefined;
}

/** Validates the first message of a runtime. Returns a copy with known fields only. */
export function parseHello(value: unknown): Parsed<Hello> {
  return known(HELLO, parseMessage<Hello>(HELLO, value));
}

/** Validates a later message of a runtime. Returns a copy with known fields only. */
export function parseReport(value: unknown): Parsed<Report> {
  return known(REPORTS, parseMessage<Report>(REPORTS, value));
}

/** Validates a message of the operator. */
export function parseCommand(value: unknown): Parsed<Command> {
  return parseMessage<Command>(COMMANDS, value);
}

function parseMessage<T>(schemas: Readonly<Record<string, string>>, value: unknown): Parsed<T> {
  const type = typeOf(value);
  if (type === undefined) return malformed('a message must be an object with a string "type"');
  if (!Object.hasOwn(schemas, type)) {
    const known = Object.keys(schemas).join(', ');
    return { ok: false, message: `/type is none of ${known}`, unknownType: true };
  }
  return check<T>(schemas[type]!, value);
}

function known<T extends { type: string }>(
  schemas: Readonly<Record<string, string>>,
  parsed: Parsed<T>,
): Parsed<T> {
  if (!parsed.ok) return parsed;
  const schema = schemas[parsed.value.type]!;
  let copy = copiers.get(schema);
  if (copy === undefined) copiers.set(schema, (copy = copierOf(FILES, schema)));
  return { ok: true, value: copy(parsed.value) as T };
}

function typeOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  return typeof value.type === 'string' ? value.type : undefined;
}

function check<T>(schema: string, value: unknown): Parsed<T> {
  const validate = validator(schema);
  if (validate(value)) return { ok: true, value: value as T };
  return malformed(describe(validate.errors?.[0]));
}

function malformed(message: string): { ok: false; message: string; unknownType: boolean } {
  return { ok: false, message, unknownType: false };
}

/** Path and expectation of an error. Both come from the schema, so that no value leaks. */
function describe(error: ErrorObject | undefined): string {
  if (error === undefined) return 'it does not fit the schema';
  const path = error.instancePath === '' ? 'it' : error.instancePath;
  return `${path} ${error.message ?? `fails ${error.keyword}`}${allowed(error)}`;
}

function allowed(error: ErrorObject): string {
  if (error.keyword !== 'enum') return '';
  const values = (error.params as { allowedValues: unknown[] }).allowedValues;
  return `: ${values.join(', ')}`;
}
