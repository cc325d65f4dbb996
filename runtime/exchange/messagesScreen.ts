import type { Content } from '../../contract/generated/types.ts';
import { RunGuard } from '../conversations/runGuard.ts';
import { BLOCKED } from '../conversations/turnScreen.ts';
import type { Failure } from '../errors/failure.ts';
import type { Screen, Detected } from '../security/screening/screen.ts';
import { turn } from '../json/turns.ts';
import type { AskedTool } from '../protocols/protocol.ts';
import type { MessagesRequest } from './requests.ts';

export interface LookedAt extends Pick<MessagesRequest, 'protocol' | 'body' | 'members'> {
  security: Content['security'];
  detected: Detected;
}

const NO_USAGE = { inputTokens: 0, outputTokens: 0 };

/** Screens the newest turn of a request. Undefined: the request may proceed unchanged. */
export async function screenMessages(
  screen: Pick<Screen, 'look' | 'looksAtMessages' | 'blocksMessages'>,
  { protocol, body, members, security, detected }: LookedAt,
): Promise<Failure | undefined> {
  if (!members) return undefined;
  await turn(body.length);
  const newest = protocol.newestTurn(body, members);
  if (!newest) return undefined;
  if (typeof newest === 'string') {
    return screen.blocksMessages ? { reason: 'InvalidRequest', message: newest } : undefined;
  }
  watchTools(newest.tools, security, detected);
  if (!screen.looksAtMessages) return undefined;
  for (const { kind, text } of newest.texts) {
    const screened = await screen.look(text, { kind, inMessages: true }, detected);
    if (screened.kind === 'Blocked') return BLOCKED[screened.by];
  }
  return undefined;
}

/** Reports repetition only: the client runs its own tools. */
function watchTools(
  tools: readonly AskedTool[],
  { runGuard }: Content['security'],
  detected: Detected,
): void {
  if (runGuard?.messages !== true) return;
  const { repeats, exempt } = runGuard;
  const spec = { mode: 'Report' as const, repeats, exempt, messages: true };
  const guard = new RunGuard(spec, { now: () => 0, detected });
  for (const tool of tools) guard.judge(tool, NO_USAGE);
}
