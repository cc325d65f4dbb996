import type { Admission, Waiting } from './permit.ts';

/** The part of an AbortSignal that is needed here. */
interface Signal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** Waits for the final answer. An aborted signal gives up the place in the queue. */
export async function awaitAdmission(
  answer: Admission | Waiting,
  signal: Signal,
): Promise<Admission> {
  if (answer.kind !== 'Waiting') return answer;
  const cancel = (): void => answer.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  try {
    return await answer.admission;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
