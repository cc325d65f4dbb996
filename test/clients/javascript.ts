/** The SDKs for JavaScript, each used as its documentation shows. */
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { createAnthropic } from '@ai-sdk/anthropic';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import type { TextStreamPart, ToolSet } from 'ai';
import { TOOL } from './answers.ts';
import { PROMPT } from './call.ts';
import type { Call, Mode, Outcome, Taken } from './call.ts';
import { limited } from './timed.ts';

const TIMEOUT_MS = 3000;

/** By the name of the package. */
export const JAVASCRIPT: Record<string, (call: Call) => Promise<Outcome>> = {
  '@anthropic-ai/sdk': limited(anthropic, APIError),
  '@ai-sdk/anthropic': limited(aiSdk, APIError),
};

async function anthropic({ url, key, model, mode }: Call, signal: AbortSignal): Promise<Taken> {
  const client = new Anthropic({ baseURL: url, apiKey: key, timeout: TIMEOUT_MS, logLevel: 'off' });
  const request = {
    model,
    max_tokens: 64,
    messages: [{ role: 'user' as const, content: PROMPT }],
    ...(mode === 'tools' && { tools: [TOOL] }),
  };
  const message =
    mode === 'plain'
      ? await client.messages.create(request, { signal })
      : await client.messages.stream(request, { signal }).finalMessage();
  const [block] = message.content;
  return block?.type === 'tool_use'
    ? { input: block.input }
    : { text: (block as { text: string }).text };
}

async function aiSdk({ url, key, model, mode }: Call, signal: AbortSignal): Promise<Taken> {
  const provider = createAnthropic({ baseURL: `${url}/v1`, apiKey: key });
  const { description, input_schema: schema } = TOOL;
  const weather = tool({ description, inputSchema: jsonSchema(schema) });
  const request = {
    model: provider(model),
    prompt: PROMPT,
    maxOutputTokens: 64,
    // The first of its own waits takes 2 s, the second 4 s.
    maxRetries: 1,
    abortSignal: signal,
    ...(mode === 'tools' && { tools: { [TOOL.name]: weather } }),
  };
  if (mode === 'plain') return { text: (await generateText(request)).text };
  return read(streamText({ ...request, onError: () => undefined }).fullStream, mode, signal);
}

/** Takes a stream of the AI SDK to its end, and the first error in it for how it ended. */
async function read(
  parts: AsyncIterable<TextStreamPart<ToolSet>>,
  mode: Mode,
  signal: AbortSignal,
): Promise<Taken> {
  let text = '';
  let input: unknown;
  for await (const part of parts) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'tool-call') input ??= part.input;
    if (part.type === 'error') throw part.error as Error;
    if (part.type === 'abort') throw signal.reason as Error;
  }
  return mode === 'tools' ? { input } : { text };
}
