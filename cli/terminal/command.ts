import type { ParseArgsOptionDescriptor } from 'node:util';
import { stringify } from 'yaml';
import type { Output } from './screen.ts';

/** Exit status of a command; see docs/reference/command.md. */
export const EXIT = {
  /** Everything works. */
  fine: 0,
  /** Something is open, refused, not in force or different. */
  problem: 1,
  /** The command line is wrong, or the command could not do what it was asked. */
  error: 2,
} as const;

/** An option of a command. */
export interface Option extends ParseArgsOptionDescriptor {
  help: string;
  /** Name of its value, such as PATH. Absent: a switch. */
  value?: string;
  /** All values that it takes. Absent: any. */
  choices?: readonly string[];
}

export type Values = Record<string, string | boolean | undefined>;

/** The arguments of a command. */
export interface Call {
  values: Values;
  positionals: readonly string[];
  context: Context;
}

/** The process around a command. */
export interface Context {
  /** How the user calls the program: breakwater, or kubectl breakwater. */
  program: string;
  stdout: Output;
  stderr: Pick<Output, 'write'>;
  environment: Record<string, string | undefined>;
  date: () => Date;
  /** Aborts at Ctrl-C. Until a command reads it, Ctrl-C ends the process. */
  interrupted: () => AbortSignal;
}

/** What a positional argument names, for completion. */
export type Subject = 'agent' | 'object' | 'breaker' | 'limit' | 'pod' | 'shell';

export interface Command {
  /** One sentence without a period. */
  summary: string;
  /** Names of its arguments, such as AGENT|POLICY. Optional ones are in brackets. */
  positional?: string;
  subject?: Subject;
  /** Whether more than one positional argument may follow. */
  variadic?: boolean;
  options: Record<string, Option>;
  /** Names of required options. */
  required?: readonly string[];
  /** Returns the exit status. Throws an Error with a message for users. */
  run(call: Call): Promise<number>;
}

/** Whether text is coloured: on a terminal, unless NO_COLOR is set; see no-color.org. */
export function coloured({ stdout, environment }: Context): boolean {
  return stdout.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** Width of the output in characters. */
export function widthOf({ values, context: { stdout } }: Pick<Call, 'values' | 'context'>): number {
  if (values['output'] === 'wide') return Infinity;
  return stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity;
}

/** Writes lines, or the value with -o json or -o yaml. */
export function print(
  { context, values }: Call,
  value: unknown,
  lines: () => readonly string[],
): void {
  const { output } = values;
  if (output === 'yaml') {
    // Leaves out what is undefined, as JSON does.
    context.stdout.write(stringify(JSON.parse(JSON.stringify(value))));
    return;
  }
  const text = output === 'json' ? [JSON.stringify(value, undefined, 2)] : lines();
  context.stdout.write(text.map((line) => `${line}\n`).join(''));
}
