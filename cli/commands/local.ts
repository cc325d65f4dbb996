import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePositiveDuration } from '../../operator/desired/common/duration.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { Local } from '../local/local.ts';
import { PROGRAMS } from '../local/programs.ts';
import { Screen } from '../terminal/screen.ts';
import { FILENAME } from './filename.ts';

/** Time between two looks whether npx still runs, in milliseconds. */
const PARENT_MS = 250;

/** Exit status of a program that was stopped by Ctrl-C. */
const INTERRUPTED = 130;

export const local: Command = {
  summary: 'run the agents of the manifests at PATH on this computer, with no cluster',
  options: {
    ...FILENAME,
    simulate: {
      type: 'boolean',
      default: false,
      help: 'simulated models in place of all endpoints, so that no key is needed',
    },
    port: {
      type: 'string',
      default: '8080',
      value: 'PORT',
      help: 'port of the first agent; others take the next that are free (8080)',
    },
    'quiet-period': {
      type: 'string',
      default: '100ms',
      value: 'DURATION',
      help: 'a change counts when its file was not written for so long (100ms)',
    },
  },
  required: ['filename'],
  run: runLocal,
};

/** Ends with the process: two signals have their own meaning here. */
async function runLocal({ values, context }: Call): Promise<number> {
  const screen = new Screen(context.stdout);
  const agents = new Local({
    path: values['filename'] as string,
    simulate: values['simulate'] === true,
    port: portOf(values['port'] as string),
    programs: PROGRAMS,
    environment: context.environment,
    directory: await mkdtemp(join(tmpdir(), 'breakwater-')),
    quietMs: parsePositiveDuration(values['quiet-period'] as string, '--quiet-period'),
    screen,
    date: context.date,
  });
  const { promise, resolve } = Promise.withResolvers<number>();
  let asked = false;
  const leave = (): void => {
    if (asked) {
      void agents.stop(true).then(() => process.exit(INTERRUPTED));
      return;
    }
    asked = true;
    screen.line('Waiting for open requests to finish; press Ctrl-C again to end at once.');
    void agents.stop().then(() => resolve(EXIT.fine));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave);
  if (context.environment['npm_command'] === 'exec') whenOrphaned(leave);
  try {
    await agents.start();
  } catch (error) {
    await agents.stop(true);
    throw error;
  }
  return promise;
}

/** npx does not pass on the signal that ends it. */
function whenOrphaned(leave: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    leave();
  }, PARENT_MS).unref();
}

/** Throws an Error that says which ports there are. */
export function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Error(`--port is ${text}; it must be a whole number from 1 to 65535`);
}
