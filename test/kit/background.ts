import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Kubectl } from './kubectl.ts';

/** A kubectl command that runs until it is stopped. */
export interface Background {
  /** The line that matched. */
  line: RegExpExecArray;
  stop: () => void;
  /** Settles when the command has ended, for whatever reason. */
  ended: Promise<void>;
}

async function firstMatch(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  let complaint = '';
  child.stderr?.on('data', (data: Buffer) => (complaint += data.toString()));
  for await (const line of createInterface({ input: child.stdout! })) {
    const match = pattern.exec(line);
    if (match) return match;
  }
  throw new Error(complaint.trim() || 'it ended without a word');
}

/** Starts a kubectl command and waits for a line that matches. */
export async function inBackground(
  kubectl: Kubectl,
  args: readonly string[],
  pattern: RegExp,
): Promise<Background> {
  const child = kubectl.spawn('kubectl', args);
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  child.once('close', () => resolve());
  child.once('error', () => resolve());
  const stop = (): void => void child.kill();
  try {
    const line = await firstMatch(child, pattern);
    child.stdout?.resume(); // A full pipe would block it.
    return { line, stop, ended };
  } catch (error) {
    stop();
    throw new Error(`kubectl ${args.join(' ')}: ${(error as Error).message}`, { cause: error });
  }
}
