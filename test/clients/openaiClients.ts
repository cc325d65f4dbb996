/** OpenAI's SDKs and the AI SDK, each used as its documentation shows. */
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';
import OpenAI, { APIError } from 'openai';
import type { PythonSdk } from '../python/sdk.ts';
import { TEXT } from './answers.ts';
import { PROMPT } from './call.ts';
import type { Outcome, Taken } from './call.ts';
import { limited } from './timed.ts';

/** A chat, streamed or not, and a stream of a response. */
export const MODES = ['chat', 'chat_stream', 'response'] as const;
export type Mode = (typeof MODES)[number];

export interface Call {
  url: string;
  key: string;
  model: string;
  mode: Mode;
}

const TIMEOUT_MS = 3000;
const RETRIES = 2;
/** By the name of the package. */
export const JAVASCRIPT: Record<string, (call: Call) => Promise<Outcome>> = {
  openai: limited(openai, APIError),
  '@ai-sdk/openai': limited(aiSdk, APIError),
};

/** The package of OpenAI's SDK for Python. */
export const PYTHON = 'openai for Python';

export function isWhole({ taken }: Outcome): boolean {
  return taken?.text === TEXT;
}

const chatOf = (
  model: string,
): { model: string; messages: { role: 'user'; content: string }[] } => ({
  model,
  messages: [{ role: 'user', content: PROMPT }],
});

async function openai({ url, key, model, mode }: Call, signal: AbortSignal): Promise<Taken> {
  const options = { baseURL: url, apiKey: key, timeout: TIMEOUT_MS, maxRetries: RETRIES };
  const client = new OpenAI({ ...options, logLevel: 'off' });
  if (mode === 'response') {
    const stream = client.responses.stream({ model, input: PROMPT }, { signal });
    return { text: (await stream.finalResponse()).output_text };
  }
  if (mode === 'chat') {
    const { choices } = await client.chat.completions.create(chatOf(model), { signal });
    return { text: choices[0]!.message.content ?? '' };
  }
  const chunks = await client.chat.completions.create(
    { ...chatOf(model), stream: true },
    { signal },
  );
  let text = '';
  for await (const { choices } of chunks) text += choices[0]?.delta.content ?? '';
  return { text };
}

async function aiSdk({ url, key, model, mode }: Call, signal: AbortSignal): Promise<Taken> {
  const provider = createOpenAI({ baseURL: url, apiKey: key });
  const request = {
    model: mode === 'response' ? provider.responses(model) : provider.chat(model),
    prompt: PROMPT,
    // The first of its own waits takes 2 s, the second 4 s.
    maxRetries: 1,
    abortSignal: signal,
  };
  if (mode === 'chat') return { text: (await generateText(request)).text };
  let text = '';
  for await (const part of streamText({ ...request, onError: () => undefined }).fullStream) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'error') throw part.error as Error;
    if (part.type === 'abort') throw signal.reason as Error;
  }
  return { text };
}

/** Makes all the calls at the same time. */
export async function python(sdk: PythonSdk, calls: readonly Call[]): Promise<Outcome[]> {
  const outcomes = await sdk.callAll(
    calls.map(({ url, key, model, mode }) => ({
      ...{ call: mode, url, key, retries: RETRIES, timeout: TIMEOUT_MS / 1000 },
      request: mode === 'response' ? { model, input: PROMPT } : chatOf(model),
    })),
  );
  return outcomes.map(({ value, error: name, status = null, message = '', seconds }) => {
    if (name === undefined) return { taken: { text: value as string }, seconds };
    return { error: { name, message, ...(status !== null && { status }) }, seconds };
  });
}
