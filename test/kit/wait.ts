import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  /** Default 60,000. */
  timeoutMs?: number;
  /** Time between two checks. Default 100. */
  everyMs?: number;
}

function show(seen: unknown): string {
  if (seen instanceof Error) return `error: ${seen.message}`;
  const text = typeof seen === 'string' ? seen : JSON.stringify(seen, telling, 1);
  return (text ?? 'nothing').slice(0, 4000);
}

/** Omits long parts of an object that say nothing about its state. */
function telling(key: string, value: unknown): unknown {
  return key === 'managedFields' || key === 'annotations' ? undefined : value;
}

async function look<T>(observe: () => Promise<T> | T): Promise<T | Error> {
  try {
    return await observe();
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Reads a value until it is as expected, and returns it. Repeats after an error too. Rejects with `description` and the
 * last value.
 */
export async function waitFor<T>(
  description: string,
  observe: () => Promise<T> | T,
  isDone: (seen: T) => boolean,
  options: WaitOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look(observe);
    if (!(seen instanceof Error) && isDone(seen)) return seen;
    if (performance.now() > deadline) {
      throw new Error(
        `Not within ${Math.round(timeoutMs / 1000)} s: ${description}. Last seen: ${show(seen)}`,
      );
    }
    await pause(options.everyMs ?? 100);
  }
}
