import { INPUT, TEXT } from './answers.ts';

/** How an SDK is used. Tools are asked for in a stream, where their input comes in parts. */
export const MODES = ['plain', 'stream', 'tools'] as const;
export type Mode = (typeof MODES)[number];

export const PROMPT = 'What is the weather in Bern?';

export interface Call {
  url: string;
  key: string;
  model: string;
  mode: Mode;
}

/** The answer as the program that uses an SDK gets it. */
export interface Taken {
  text?: string | undefined;
  input?: unknown;
}

/** How a call of an SDK ended, with all its retries. */
export interface Outcome {
  taken?: Taken;
  error?: { name: string; status?: number; message: string };
  seconds: number;
}

/** Whether the program has the whole answer. */
export function isWhole({ taken }: Outcome, mode: Mode): boolean {
  if (mode !== 'tools') return taken?.text === TEXT;
  return JSON.stringify(taken?.input) === JSON.stringify(INPUT);
}
