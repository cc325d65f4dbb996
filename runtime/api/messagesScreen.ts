import type { Content } from '../../contract/generated/types.ts';
import { RunGuard } from '../conversations/runGuard.ts';
import { BLOCKED } from '../conversations/turnScreen.ts';
import type { Failure } from '../errors/failure.ts';
import type { Screen, Told } from '../security/screening/screen.ts';
import { newestTurn } from './newestTurn.ts';

export interface LookedAt {
  body: Buffer;
  security: Content['security'];
  told: Told;
}

const NO_USAGE = { inputTokens: 0, outputTokens: 0 };

/** Screens the newest turn of a request. Undefined: the request may proceed unchanged. */
export async function screenMessages(
  screen: Pick<Screen, 'look' | 'looksAtMessages'>,
  { body, security, told }: LookedAt,
): Promise<Failure | undefined> {
  const { texts, tools } = newestTurn(body);
  const { runGuard } = security;
  if (runGuard?.messages === true) {
    // The client runs its own tools, so only repetition can be judged.
    const { repeats, exempt } = runGuard;
    const spec = { mode: 'Report' as const, repeats, exempt, messages: true };
    const guard = new RunGuard(spec, { now: () => 0, told });
    for (const tool of tools) guard.judge({ type: 'tool_use', id: '', ...tool }, NO_USAGE);
  }
  if (!screen.looksAtMessages) return undefined;
  for (const { kind, text } of texts) {
    const screened = await screen.look(text, { kind, inMessages: true }, told);
    if (screened.kind === 'Blocked') return BLOCKED[screened.by];
  }
  return undefined;
}
