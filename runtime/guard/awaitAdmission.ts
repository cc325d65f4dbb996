import type { Admission, Waiting } from './permit.ts';

/** Waits for a place in a queue to lead to an answer. Gives the place up when the signal is aborted. */
export async function awaitAdmission(
  answer: Admission | Waiting,
  signal: AbortSignal,
): Promise<Admission> {
  if (answer.kind !== 'Waiting') return answer;
  const leave = (): void => answer.cancel();
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await answer.admission;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
