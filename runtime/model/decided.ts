import type { Admission, Waiting } from '../guard/admission.ts';
import type { CutSignal } from '../errors/requestCut.ts';

/** The answer that a place in a queue leads to; the place is given up when the signal is aborted. */
export async function decided(answer: Admission | Waiting, signal: CutSignal): Promise<Admission> {
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
