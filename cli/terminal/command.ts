import type { ParseArgsOptionDescriptor } from 'node:util';
import type { Output } from './screen.ts';

/** How a command ends; docs/on-call.md tells users. */
export const EXIT = {
  /** All is well. */
  fine: 0,
  /** Something is open, refused, not in force or different. */
  amiss: 1,
  /** The command line is wrong, or the command could not do what it was asked. */
  error: 2,
} as const;

/** An option of a command. */
export interface Option extends ParseArgsOptionDescriptor {
  help: string;
  /** What stands after it, such as PATH; absent for a switch. */
  value?: string;
}

export type Values = Record<string, string | boolean | undefined>;

/** What a command gets. */
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
  /** A signal that aborts when the user presses Ctrl-C; unless it is asked for, that ends the process. */
  interrupted: () => AbortSignal;
}

/** What a positional argument names, for completion. */
export type Subject = 'agent' | 'object' | 'breaker' | 'pod' | 'shell';

export interface Command {
  /** One sentence without a period. */
  summary: string;
  /** What stands after the name, such as AGENT|POLICY; optional in brackets. */
  positional?: string;
  subject?: Subject;
  /** Whether more than one positional argument may follow. */
  variadic?: boolean;
  options: Record<string, Option>;
  /** Names of options without which it is an error. */
  required?: readonly string[];
  /** Answers the exit status. Throws an Error for people. */
  run(call: Call): Promise<number>;
}

/** Whether text is coloured: on a terminal, unless NO_COLOR is set; see no-color.org. */
export function coloured({ stdout, environment }: Context): boolean {
  return stdout.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** Characters that a line of the output may have. */
export function widthOf({ stdout }: Context): number {
  return stdout.isTTY === true ? (stdout.columns ?? 80) : Infinity;
}

/** Writes lines, or the value as JSON with -o json. */
export function print(
  { context, values }: Call,
  value: unknown,
  lines: () => readonly string[],
): void {
  const text = values['output'] === 'json' ? [JSON.stringify(value, undefined, 2)] : lines();
  context.stdout.write(text.map((line) => `${line}\n`).join(''));
}
