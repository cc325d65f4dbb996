import { describe, expect, it } from '@jest/globals';
import { Screen } from '../security/screening/screen.ts';
import { SecretlintScanner } from '../security/secrets/secretScanner.ts';
import { GITHUB_KEY as KEY } from '../testing/secrets.ts';
import type { Block } from './messages/messages.ts';
import { TurnScreen } from './turnScreen.ts';

const USE: Block = { type: 'tool_use', id: 'use-1', name: 'look', input: {} };
const text = (value: string): Block => ({ type: 'text', text: value });
const HALVES = [text(`Use ${KEY.slice(0, 9)}`), text(`${KEY.slice(9)} now.`)];

/** What becomes of an answer of the model, and what was told of it. */
async function screened(
  mode: string,
  content: Block[],
): Promise<{ content: Block[]; told: number }> {
  const screen = new Screen({
    loadDetector: () => Promise.reject(new Error('not asked for')),
    loadScanner: () => SecretlintScanner.load(),
  });
  screen.apply({ secrets: { mode, sources: ['Answers'] } } as Parameters<Screen['apply']>[0]);
  let told = 0;
  const turn = new TurnScreen({ screen, detected: () => void (told += 1), fences: false });
  const message = { content, stopReason: 'end_turn' };
  const outcome = await turn.outcome(
    { ok: true, message, usage: { inputTokens: 1, outputTokens: 1 } } as unknown as Parameters<TurnScreen['outcome']>[0],
    { onText: () => undefined, isTool: () => true },
  ); // prettier-ignore
  if (!outcome.ok) throw new Error('the turn failed');
  return { content: outcome.message.content, told };
}

describe('a secret that spans two blocks of text of an answer in a conversation', () => {
  it('is handled like one in a single block', async () => {
    const content = [...HALVES, USE];
    expect(await screened('Report', content)).toEqual({ content, told: 1 });
    expect(await screened('Redact', content)).toEqual({
      content: [text('Use [redacted: github] now.'), USE],
      told: 1,
    });
    const blocked = await screened('Block', content);
    expect([blocked.content[0], blocked.content[1]]).toEqual([
      text('[This answer was withheld: it holds a secret.]'),
      USE,
    ]);
  });

  it('is not found if another block is between', async () => {
    const content = [HALVES[0]!, USE, HALVES[1]!];
    expect(await screened('Block', content)).toEqual({ content, told: 0 });
  });
});
