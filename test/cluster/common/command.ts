import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Standard input of the command. */
  input?: string;
  /** Milliseconds after which the command is killed. */
  timeout?: number;
}

const ERROR_LINES = 15;

/** Runs a command and returns its standard output. Rejects with the end of its output if it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: 'pipe',
    ...(options.timeout === undefined
      ? {}
      : { timeout: options.timeout, killSignal: 'SIGKILL' as const }),
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  child.stdin.on('error', () => undefined); // A command that ends without reading its input is judged by its exit code.
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exit, signal) => resolve(exit ?? signal ?? 'unknown'));
  });
  if (code === 0) return output;
  const end = (complaints || output).trimEnd().split('\n').slice(-ERROR_LINES).join('\n');
  throw new Error(`${[command, ...args].join(' ')}: exit ${code}\n${end}`);
}

/** Whether the command exists and succeeds. */
export async function succeeds(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<boolean> {
  return run(command, args, options).then(
    () => true,
    () => false,
  );
}

/** Full path of an executable on the PATH or in the sbin directories, which a user's PATH often lacks. */
export function which(command: string): string | undefined {
  const directories = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
  ];
  return directories.map((directory) => join(directory, command)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
