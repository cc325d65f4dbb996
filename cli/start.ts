import { basename } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { EXIT } from './terminal/command.ts';
import { COMPLETE } from './completion/candidates.ts';
import { run } from './program.ts';

/** Runs the command line of this process, and sets its exit status. */
export async function start(): Promise<void> {
  const [, path = '', ...given] = process.argv;
  // kubectl runs a plugin as kubectl-NAME, and kubectl_complete-NAME for its completions.
  const name = basename(path);
  const program = name.startsWith('kubectl') ? 'kubectl breakwater' : 'breakwater';
  const args = name.startsWith('kubectl_complete-') ? [COMPLETE, ...given] : given;
  // The reader may close the pipe early, as head does.
  process.stdout.on('error', () => process.exit(EXIT.error));
  try {
    const { stdout, stderr, env: environment } = process;
    const context = {
      ...{ program, stdout, stderr, environment, interrupted },
      date: () => new Date(),
    };
    process.exitCode = await run(args, context, packageJson.version);
  } catch (error) {
    process.stderr.write(`breakwater: ${messageOf(error)}\n`);
    process.exitCode = EXIT.error;
  }
}

/** Message of an error. Describes a missing file in words, not by its system call. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' && path !== undefined ? `there is no file ${path}` : message;
}

function interrupted(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}
