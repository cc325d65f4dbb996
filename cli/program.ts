import { parseArgs } from 'node:util';
import { EXIT, type Command, type Context, type Option, type Values } from './terminal/command.ts';
import { audit } from './commands/audit.ts';
import { completion } from './commands/completion.ts';
import { console } from './commands/console.ts';
import { debug } from './commands/debug.ts';
import { diff } from './commands/diff.ts';
import { limit } from './commands/limit.ts';
import { local } from './commands/local.ts';
import { init } from './commands/init.ts';
import { logs } from './commands/logs.ts';
import { candidates, COMPLETE } from './completion/candidates.ts';
import { migrate } from './commands/migrate.ts';
import { close, open } from './commands/override.ts';
import { render } from './commands/render.ts';
import { reset } from './commands/reset.ts';
import { security } from './commands/security.ts';
import { status } from './commands/status.ts';
import { supportBundle } from './commands/supportBundle.ts';
import { top } from './commands/top.ts';
import { trips } from './commands/trips.ts';
import { why } from './commands/why.ts';

/** All commands by name, in the order of the help. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  ...{ status, why, trips, top, security, console },
  ...{ open, close, reset, limit, audit },
  ...{ diff, logs, debug, 'support-bundle': supportBundle },
  ...{ init, local, render, migrate, completion },
};

const COMMON = {
  help: { type: 'boolean', short: 'h', help: 'print this' },
} satisfies Record<string, Option>;

export type Invocation =
  | { name: 'version' }
  /** Command of the help. Absent: all. */
  | { name: 'help'; about?: string }
  | { name: 'command'; command: string; values: Values; positionals: string[] };

/** Parses the command line. Throws an Error that says what to write instead. */
export function parse(args: readonly string[]): Invocation {
  const name = commandIn(args);
  if (name === undefined) {
    const options = { ...COMMON, version: { type: 'boolean' } } as const;
    const { values } = parsing('', () => parseArgs({ args: [...args], options }));
    return { name: values.version ? 'version' : 'help' };
  }
  if (name === 'help') return { name, ...aboutOf(args) };
  const command = commandOf(name);
  const options = { ...command.options, ...COMMON };
  const { values, positionals } = parsing(`${name} `, () =>
    parseArgs({ args: [...args], allowPositionals: true, options }),
  );
  if (values['help'] === true) return { name: 'help', about: name };
  const rest = positionals.slice(1);
  check(name, command, values, rest);
  return { name: 'command', command: name, values: values, positionals: rest };
}

function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command;
  throw new Error(`unknown command ${name}; write one of ${Object.keys(COMMANDS).join(', ')}`);
}

/** Message for an unknown option or a missing value. */
function parsing<R>(command: string, work: () => R): R {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const option = /'(.+?)( <value>)?'/.exec(message)?.[1];
    if (option === undefined || !code?.startsWith('ERR_PARSE_ARGS_')) throw error;
    const wrong = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? 'is no option' : wrongValue(message);
    throw new Error(`${option} ${wrong}; see breakwater ${command}--help`, { cause: error });
  }
}

function wrongValue(message: string): string {
  if (message.includes('does not take an argument')) return 'takes no value';
  if (message.includes('ambiguous')) return 'needs a value, with = before one that begins with -';
  return 'needs a value';
}

/** The first argument that is neither an option nor the value of one. */
function commandIn(args: readonly string[]): string | undefined {
  const options = Object.assign(
    {},
    ...Object.values(COMMANDS).map((each) => each.options),
  ) as Record<string, Option>;
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true })
    .positionals[0];
}

function aboutOf(args: readonly string[]): { about?: string } {
  const about = args[args.indexOf('help') + 1];
  if (about === undefined) return {};
  commandOf(about);
  return { about };
}

function mostPositionals({ positional, variadic }: Command): number {
  if (positional === undefined) return 0;
  return variadic ? Infinity : 1;
}

function check(name: string, command: Command, values: Values, positionals: string[]): void {
  const { positional } = command;
  const most = mostPositionals(command);
  if (positionals.length > most) {
    const hint = command.options['filename'] ? '; write paths as -f PATH' : '';
    throw new Error(`unexpected argument ${positionals[most]}${hint}`);
  }
  if (positionals.length === 0 && most > 0 && !positional!.startsWith('[')) {
    throw new Error(`say which: breakwater ${name} ${positional}`);
  }
  checkChoices(command, values);
  const missing = command.required?.find((option) => values[option] === undefined);
  if (missing === undefined) return;
  const { short, value } = command.options[missing]!;
  throw new Error(`breakwater ${name} needs ${short ? `-${short}` : `--${missing}`} ${value}`);
}

function checkChoices({ options }: Command, values: Values): void {
  for (const [name, { choices, short }] of Object.entries(options)) {
    const value = values[name];
    if (choices === undefined || value === undefined || choices.includes(String(value))) continue;
    const option = short === undefined ? `--${name}` : `-${short}`;
    throw new Error(`${option} ${value} is unknown; write ${option} ${choices.join(' or ')}`);
  }
}

/** Runs a command line and returns its exit status. Throws an Error with a message for users. */
export async function run(
  args: readonly string[],
  context: Context,
  version: string,
): Promise<number> {
  if (args[0] === COMPLETE) {
    const found = await candidates(args.slice(1), COMMANDS, context);
    context.stdout.write(found.map((text) => `${text}\n`).join(''));
    return EXIT.fine;
  }
  const invocation = parse(args);
  if (invocation.name === 'command') {
    const { command, values, positionals } = invocation;
    return COMMANDS[command]!.run({ values, positionals, context });
  }
  context.stdout.write(
    invocation.name === 'version' ? `${version}\n` : help(context.program, invocation.about),
  );
  return EXIT.fine;
}

/** Help for all commands or for one. */
export function help(program: string, about?: string): string {
  const command = about === undefined ? undefined : COMMANDS[about];
  if (command !== undefined) {
    const usage = [program, about, command.positional].filter(Boolean).join(' ');
    const options = { ...command.options, ...COMMON };
    return `${capital(command.summary)}.\n\nUsage: ${usage} [OPTIONS]\n\nOptions\n${optionLines(options)}`;
  }
  const shown = Object.entries(COMMANDS);
  const heads = shown.map(([name, { positional = '' }]) => `${name} ${positional}`.trimEnd());
  const width = Math.max(...heads.map(({ length }) => length));
  const lines = shown.map(([, { summary }], at) => `  ${heads[at]!.padEnd(width)}   ${summary}\n`);
  return `Usage: ${program} COMMAND [OPTIONS]

Commands
${lines.join('')}
Write ${program} COMMAND --help for a command's options, --version for the version.
Exit status: ${EXIT.fine} all is well, ${EXIT.problem} something is open, refused or different, ${EXIT.error} the command failed.
`;
}

function optionLines(options: Record<string, Option>): string {
  const heads = Object.entries(options).map(([name, { short, value }]) =>
    `${short === undefined ? '    ' : `-${short}, `}--${name} ${value ?? ''}`.trimEnd(),
  );
  const width = Math.max(...heads.map(({ length }) => length));
  return Object.values(options)
    .map((option, at) => `  ${heads[at]!.padEnd(width)}   ${option.help}\n`)
    .join('');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
