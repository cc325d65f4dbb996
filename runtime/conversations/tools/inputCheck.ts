import { Ajv } from 'ajv';

/** Returns what does not fit; undefined if the input fits. */
export type InputCheck = (input: unknown) => string | undefined;

/** Longest description of a fault, in characters. */
const MAX_FAULT = 1024;

/**
 * Compiles the input schema of a tool. The operator bounds its size. Patterns take linear time (RE2). Rejects if the schema
 * cannot be compiled.
 */
export async function inputCheck(schema: object): Promise<InputCheck> {
  const { RE2JS } = await import('re2js');
  const engine = (pattern: string): { test: (text: string) => boolean } => {
    const compiled = RE2JS.compile(pattern);
    return { test: (text) => compiled.matcher(text).find() };
  };
  // References stay calls: inlined they would multiply.
  const ajv = new Ajv({
    ...{ strict: false, allErrors: true, inlineRefs: false, logger: false },
    code: { regExp: Object.assign(engine, { code: 'RE2JS' }) },
  });
  const validate = ajv.compile(schema);
  return (input) => {
    try {
      if (validate(input)) return undefined;
      return ajv.errorsText(validate.errors, { dataVar: 'input' }).slice(0, MAX_FAULT);
    } catch (error) {
      if (error instanceof RangeError) return 'it is nested too deep';
      throw error;
    }
  };
}
