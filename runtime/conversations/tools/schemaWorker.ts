/** The thread that compiles the schemas of tools and checks values by them. The process may end it at any moment. */
import { parentPort } from 'node:worker_threads';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import type { CheckRequest, CheckResult } from './schemaChecks.ts';

/** Longest description of a fault. */
const MAX_FAULT = 1024;

// References stay calls: inlined they would multiply.
const OPTIONS = { strict: false, allErrors: true, inlineRefs: false, logger: false } as const;

interface Compiled {
  ajv: Ajv;
  validate: ValidateFunction;
}

const compiled = new Map<number, Compiled>();

parentPort!.on('message', (request: CheckRequest) => {
  parentPort!.postMessage(answer(request));
});
parentPort!.postMessage('Ready');

function answer({ id, schema, value, dataVar }: CheckRequest): CheckResult {
  let known: Compiled;
  try {
    known = compiled.get(id) ?? compile(id, schema);
  } catch (error) {
    return { kind: 'Refused', why: text(error) };
  }
  if (value === undefined) return { kind: 'Fits' };
  try {
    const { ajv, validate } = known;
    if (validate(JSON.parse(value))) return { kind: 'Fits' };
    return { kind: 'Unfit', why: ajv.errorsText(validate.errors, { dataVar }).slice(0, MAX_FAULT) };
  } catch (error) {
    return { kind: 'Unfit', why: text(error) };
  }
}

/** One Ajv for each schema, so that the $ids of one do not affect another. */
function compile(id: number, schema: string): Compiled {
  const ajv = new Ajv(OPTIONS);
  const made = { ajv, validate: ajv.compile(JSON.parse(schema) as object) };
  compiled.set(id, made);
  return made;
}

function text(error: unknown): string {
  return (error instanceof Error ? error.message : 'unknown error').slice(0, MAX_FAULT);
}
