import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { begin, reduce } from './stateMachine.ts';
import type { Effect, Event, Limits, State } from './stateMachine.ts';
import { prune } from './messages/messages.ts';
import type { Message, ToolUse } from './messages/messages.ts';
import { checkMessages } from './messages/checkMessages.ts';

const text = (value: string): { type: 'text'; text: string } => ({ type: 'text', text: value });

const use = (id: string): ToolUse => ({ type: 'tool_use', id, name: 'look', input: {} });

/** An exchange: a message of the user, some rounds of tools, and an answer. */
const exchange = fc
  .record({ rounds: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }), key: fc.uuid() })
  .map(({ rounds, key }): Message[] => [
    { role: 'user', content: `ask ${key}` },
    ...rounds.flatMap((count, round): Message[] => {
      const ids = Array.from({ length: count }, (_, i) => `${key}/${round}/${i}`);
      return [
        { role: 'assistant', content: ids.map(use) },
        { role: 'user', content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id })) },
      ];
    }),
    { role: 'assistant', content: [text('done')] },
  ]);

const history = fc.array(exchange, { maxLength: 8 });
const bound = fc.integer({ min: 2, max: 20 });

/** Something that may happen; which tool is meant is chosen when it happens. */
type Happening =
  | { kind: 'Send' | 'Fail' | 'Tool' | 'Stray' | 'Stop' | 'End' }
  | { kind: 'Answer'; tools: number; stopReason: string };

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Happening>({ kind: 'Send' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('Answer' as const),
      tools: fc.integer({ min: 0, max: 3 }),
      stopReason: fc.constantFrom('end_turn', 'tool_use', 'max_tokens', 'refusal', 'pause_turn'),
    }),
  },
  { weight: 6, arbitrary: fc.constant<Happening>({ kind: 'Tool' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Happening>({ kind: 'Fail' }, { kind: 'Stray' }, { kind: 'Stop' }),
  },
  { weight: 1, arbitrary: fc.constant<Happening>({ kind: 'End' }) },
);

function eventOf(happened: Happening, state: State, serial: number): Event {
  switch (happened.kind) {
    case 'Send':
      return { type: 'Send', content: `message ${serial}` };
    case 'Answer': {
      const uses = Array.from({ length: happened.tools }, (_, i) => use(`${serial}/${i}`));
      const content = [text(`answer ${serial}`), ...uses];
      return { type: 'ModelAnswered', message: { content, stopReason: happened.stopReason } };
    }
    case 'Tool': {
      const open = 'turn' in state ? state.turn.running : [];
      const done = 'turn' in state ? state.turn.results.map((each) => each.tool_use_id) : [];
      const next = open.find(({ id }) => !done.includes(id));
      return { type: 'ToolFinished', result: result(next?.id ?? 'none') };
    }
    case 'Stray':
      return { type: 'ToolFinished', result: result('stray') };
    case 'Fail':
      return { type: 'ModelFailed' };
    case 'Stop':
      return { type: 'Stop', reason: 'run_timeout', text: serial % 2 === 0 ? '' : 'so far' };
    case 'End':
      return { type: 'End' };
  }
}

const result = (id: string): { type: 'tool_result'; tool_use_id: string } => ({
  type: 'tool_result',
  tool_use_id: id,
});

describe('prune', () => {
  it('drops whole exchanges, the oldest first, and as few as possible', () => {
    fc.assert(
      fc.property(history, bound, (exchanges, max) => {
        const all = exchanges.flat();
        const kept = prune(all, max);
        expect(checkMessages(kept).ok).toBe(true);
        expect(all.slice(all.length - kept.length)).toEqual(kept);
        const last = exchanges.at(-1)?.length ?? 0;
        expect(kept.length <= max || kept.length === last).toBe(true);
        const dropped = exchanges.findLast(
          (_, i) => exchanges.slice(i).flat().length > kept.length,
        );
        if (dropped) expect(kept.length + dropped.length).toBeGreaterThan(max);
      }),
    );
  });
});

describe('a conversation, for any events,', () => {
  it('always has messages that the API accepts, ends turns once, and stays ended', () => {
    fc.assert(
      fc.property(
        history,
        fc.record<Limits>({ maxMessages: bound, maxTurns: fc.integer({ min: 1, max: 4 }) }),
        fc.array(happening, { maxLength: 60 }),
        (restored, limits, happenings) => {
          let state = begin(restored.flat(), limits);
          let calls = 0;
          for (const [serial, happened] of happenings.entries()) {
            const before = state;
            const stepped = reduce(state, eventOf(happened, state, serial), limits);
            state = stepped.state;
            const types = stepped.effects.map(({ type }) => type);
            if (before.phase === 'Ended') expect(state).toBe(before);
            calls = before.phase === 'Idle' ? 0 : calls;
            calls += types.filter((type) => type === 'CallModel').length;
            expect(calls).toBeLessThanOrEqual(limits.maxTurns);
            expect(endings(stepped.effects)).toBe(wasTurn(before, state));
            // What tools still run for is the only thing that may be open.
            const open = state.phase === 'Tools' ? state.messages.slice(0, -1) : state.messages;
            if (state.phase !== 'Ended') expect(checkMessages(open)).toMatchObject({ ok: true });
            for (const effect of stepped.effects) {
              if (effect.type === 'CallModel') expect(effect.messages).toEqual(state.messages);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Turns that an event ended, as the effects say … */
function endings(effects: readonly Effect[]): number {
  return effects.filter(({ type }) => type === 'EndTurn' || type === 'FailTurn').length;
}

/** … and as the states show; a conversation that is ended needs no answer. */
function wasTurn(before: State, after: State): number {
  return 'turn' in before && after.phase === 'Idle' ? 1 : 0;
}
