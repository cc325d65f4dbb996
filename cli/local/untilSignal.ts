import { EXIT } from '../terminal/command.ts';
import type { Screen } from '../terminal/screen.ts';
import type { Local } from './local.ts';

/** Interval between two checks of whether npx still runs, in milliseconds. */
const PARENT_MS = 250;

/** Exit status after Ctrl-C. */
const INTERRUPTED = 130;

/**
 * Starts the agents and returns the exit status when a signal has ended them. The first signal lets open requests
 * finish, the second one ends the process at once. Rejects if the agents cannot start.
 * @param underNpx whether the end of the parent counts as a signal
 */
export async function runUntilSignal(
  agents: Local,
  screen: Screen,
  underNpx = false,
): Promise<number> {
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
  if (underNpx) whenOrphaned(leave);
  try {
    await agents.start();
  } catch (error) {
    await agents.stop(true);
    throw error;
  }
  return promise;
}

/** npx does not forward the signal that ends it. */
function whenOrphaned(leave: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    leave();
  }, PARENT_MS).unref();
}
