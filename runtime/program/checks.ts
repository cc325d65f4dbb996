import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import type {
  AuditEvents,
  HandlerEnd,
  Health,
  IncidentReport,
  Registration,
  Tasks,
  ToolCall,
} from '../../contract/generated/program.ts';
import schema from '../../contract/generated/program.schema.json' with { type: 'json' };
import type { Failure } from '../errors/failure.ts';

/** Bodies of the local API, by the names of their schemas in contract/program.openapi.yaml. */
interface Bodies {
  AuditEvents: AuditEvents;
  HandlerEnd: HandlerEnd;
  Health: Health;
  IncidentReport: IncidentReport;
  Registration: Registration;
  Tasks: Tasks;
  ToolCall: ToolCall;
}

type Checked<T> = { body: T } | { failure: Failure };

let ajv: Ajv | undefined;

/** Compiles each schema at its first use. */
function validator(name: string): ValidateFunction {
  ajv ??= new Ajv({ strict: false, useDefaults: true, schemas: [schema] });
  return ajv.getSchema(`${schema.$id}#/definitions/${name}`)!;
}

/** Reads a body of JSON by its schema, with the defaults of what it leaves out. The reason of a refusal repeats no value. */
export function checked<K extends keyof Bodies>(name: K, text: Buffer): Checked<Bodies[K]> {
  let body: unknown;
  try {
    body = JSON.parse(text.toString('utf8'));
  } catch {
    return invalid('The body must be JSON.');
  }
  return check<Bodies[K]>(name, body, 'body');
}

type Parameters = 'Phase' | 'Tier' | 'AuditType' | 'Outcome';

/** Reads a parameter of a query by its schema; undefined if it is absent. */
export function checkedParameter<T extends string>(
  name: Parameters,
  query: URLSearchParams,
  parameter: string,
): Checked<T | undefined> {
  const value = query.get(parameter) ?? undefined;
  return value === undefined ? { body: undefined } : check<T>(name, value, parameter);
}

function check<T>(name: string, value: unknown, what: string): Checked<T> {
  const validate = validator(name);
  if (validate(value)) return { body: value as T };
  const [error] = validate.errors ?? [];
  const { instancePath = '', message = 'is not valid', params } = error ?? {};
  const extra = (params as { additionalProperty?: string } | undefined)?.additionalProperty;
  const where = `${what}${instancePath}${extra === undefined ? '' : `/${extra.slice(0, 64)}`}`;
  return invalid(`${where}: ${extra === undefined ? message : 'is not a member that there is'}.`);
}

export function invalid(message: string): { failure: Failure } {
  return { failure: { reason: 'InvalidRequest', message } };
}
