import type { PythonSdk } from '../python/sdk.ts';
import { TOOL } from './answers.ts';
import { PROMPT } from './call.ts';
import type { Call, Outcome, Taken } from './call.ts';

/** The package of Anthropic's SDK for Python. */
export const PYTHON = 'anthropic';

const TIMEOUT_SECONDS = 3;
const RETRIES = 2;

interface Message {
  content?: { type: string; text?: string; input?: unknown }[];
}

/** Makes all the calls at the same time. */
export async function python(sdk: PythonSdk, calls: readonly Call[]): Promise<Outcome[]> {
  const outcomes = await sdk.callAll(
    calls.map(({ url, key, model, mode }) => ({
      call: mode === 'plain' ? 'message' : 'stream',
      ...{ url, key, retries: RETRIES, timeout: TIMEOUT_SECONDS },
      request: {
        model,
        max_tokens: 64,
        messages: [{ role: 'user', content: PROMPT }],
        ...(mode === 'tools' && { tools: [TOOL] }),
      },
    })),
  );
  return outcomes.map(({ value, error: name, status = null, message = '', seconds }, i) => {
    if (name === undefined) return { taken: taken(value, calls[i]!), seconds };
    return { error: { name, message, ...(status !== null && { status }) }, seconds };
  });
}

function taken(value: unknown, { mode }: Call): Taken {
  const message = mode === 'plain' ? (value as Message) : (value as { message: Message }).message;
  const [block] = message.content ?? [];
  return mode === 'tools' ? { input: block?.input } : { text: block?.text };
}
