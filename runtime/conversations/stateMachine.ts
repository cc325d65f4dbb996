import { blocksOf, isBlank, newerHalf, prune, toolUses } from './messages/messages.ts';
import type { Block, Message, Room, ToolResult, ToolUse } from './messages/messages.ts';

/** Bounds on a conversation. */
export interface Limits {
  /** Largest number of messages. */
  maxMessages: number;
  /** Largest number of calls to the model in one turn. */
  maxTurns: number;
  /** Room for the messages at the model; undefined: not known. */
  room?: (() => Room | undefined) | undefined;
}

/** Answer of the model to one call. */
export interface ModelMessage {
  content: Block[];
  /** As the Messages API names it. */
  stopReason: string;
}

/** Why a turn stops from outside; run_guard only while tools run. */
export type StopReason = 'run_timeout' | 'draining' | 'client_gone' | 'run_guard';

/** Why a turn ended: the model's stop reason, a StopReason or max_turns. */
export interface TurnEnd {
  stopReason: string;
}

/** A running turn: from a message of the user to the answer. */
interface Turn {
  /** Messages before the turn, which stay if it fails. */
  before: readonly Message[];
  calls: number;
  /** Running tools, in the model's order. */
  running: readonly ToolUse[];
  results: readonly ToolResult[];
  /** Whether the endpoint has refused the messages as too long. */
  shortened?: boolean;
}

/** A conversation. `Ended` is final. */
export type State =
  | { phase: 'Idle'; messages: readonly Message[] }
  | { phase: 'Model' | 'Tools'; messages: readonly Message[]; turn: Turn }
  | { phase: 'Ended'; messages: readonly Message[] };

export type Event =
  | { type: 'Send'; content: string | Block[] }
  | { type: 'ModelAnswered'; message: ModelMessage }
  /** The call failed. `refused`: the endpoint does not take these messages; `tooLong`: because they are too long. */
  | { type: 'ModelFailed'; refused?: boolean; tooLong?: boolean }
  | { type: 'ToolFinished'; result: ToolResult }
  /** The turn must end now; `text` is the answer so far. */
  | { type: 'Stop'; reason: StopReason; text: string }
  | { type: 'End' };

export type Effect =
  | { type: 'CallModel'; messages: readonly Message[] }
  | { type: 'RunTool'; call: ToolUse }
  | { type: 'EndTurn'; end: TurnEnd }
  /** The turn failed; a message without any answer is dropped. */
  | { type: 'FailTurn' }
  /** Stops everything that runs. */
  | { type: 'Cancel' }
  | { type: 'Refuse'; reason: 'Busy' | 'Ended' };

export interface Step {
  state: State;
  effects: Effect[];
}

/** A new conversation, with restored messages of an earlier one. */
export function begin(
  messages: readonly Message[],
  { maxMessages }: Pick<Limits, 'maxMessages'>,
): State {
  return { phase: 'Idle', messages: prune(messages, maxMessages) };
}

/** The next state and its effects. An event that does not fit the state changes nothing. */
export function reduce(state: State, event: Event, limits: Limits): Step {
  if (state.phase === 'Ended') {
    return step(state, event.type === 'Send' ? [{ type: 'Refuse', reason: 'Ended' }] : []);
  }
  if (event.type === 'End') {
    const { messages } = state;
    return step({ phase: 'Ended', messages }, state.phase === 'Idle' ? [] : [{ type: 'Cancel' }]);
  }
  if (event.type === 'Send') return send(state, event.content, limits);
  if (state.phase === 'Idle') return step(state, []);
  return inTurn(state, event, limits);
}

type Underway = Extract<State, { turn: Turn }>;
type Stop = Extract<Event, { type: 'Stop' }>;
type TurnEvent = Exclude<Event, { type: 'Send' | 'End' }>;

function inTurn(state: Underway, event: TurnEvent, limits: Limits): Step {
  switch (event.type) {
    case 'ModelAnswered':
      return state.phase === 'Model' ? answered(state, event.message, limits) : step(state, []);
    case 'ModelFailed':
      return state.phase === 'Model' ? failed(state, event, limits) : step(state, []);
    case 'ToolFinished':
      return toolFinished(state, event.result, limits);
    case 'Stop':
      return stopped(state, event);
  }
}

function send(
  state: Exclude<State, { phase: 'Ended' }>,
  content: string | Block[],
  limits: Limits,
): Step {
  if (state.phase !== 'Idle') return step(state, [{ type: 'Refuse', reason: 'Busy' }]);
  const turn = { before: state.messages, calls: 0, running: [], results: [] };
  const messages = [...state.messages, { role: 'user' as const, content }];
  return callModel({ messages, turn }, limits);
}

function callModel({ messages, turn }: Pick<Underway, 'messages' | 'turn'>, limits: Limits): Step {
  const kept = prune(messages, limits.maxMessages, limits.room?.());
  const next = { ...turn, calls: turn.calls + 1, running: [], results: [] };
  return step({ phase: 'Model', messages: kept, turn: next }, [
    { type: 'CallModel', messages: kept },
  ]);
}

function answered(
  { messages, turn }: Underway,
  { content, stopReason }: ModelMessage,
  limits: Limits,
): Step {
  // A truncated answer can request no tool, and no request may stay without its result.
  const whole =
    stopReason === 'tool_use' ? content : content.filter(({ type }) => type !== 'tool_use');
  const kept = whole.filter((block) => !isBlank(block));
  const answer: Message = { role: 'assistant', content: kept };
  const all = kept.length === 0 ? messages : [...messages, answer];
  const calls = unique(toolUses(answer));
  const last = turn.calls >= limits.maxTurns;
  if (calls.length > 0 && last) {
    return endTurn([...all, unrun(calls, 'the limit of turns was reached')], 'max_turns');
  }
  if (calls.length > 0) {
    const running = { ...turn, running: calls, results: [] };
    const effects = calls.map((call) => ({ type: 'RunTool' as const, call }));
    return step({ phase: 'Tools', messages: all, turn: running }, effects);
  }
  if (stopReason !== 'pause_turn') return endTurn(all, stopReason);
  return last ? endTurn(all, 'max_turns') : callModel({ messages: all, turn }, limits);
}

/**
 * Repeats a call once with the newer half of messages that are too long. Keeps the results of tools, so that the model
 * does not repeat their work. Refused results give way to a note: the endpoint would refuse every later message of the
 * conversation too.
 */
function failed(
  { messages, turn }: Underway,
  { refused = false, tooLong = false }: { refused?: boolean; tooLong?: boolean },
  limits: Limits,
): Step {
  const shorter = tooLong && !turn.shortened ? newerHalf(messages) : undefined;
  if (shorter) {
    const again = { ...turn, calls: turn.calls - 1, shortened: true };
    return callModel({ messages: shorter, turn: again }, limits);
  }
  const kept = turn.calls > 1 ? (refused ? withoutResults(messages) : messages) : turn.before;
  return step({ phase: 'Idle', messages: kept }, [{ type: 'FailTurn' }]);
}

/** The messages with a note in place of each result in the last one. */
function withoutResults(messages: readonly Message[]): Message[] {
  const last = messages.at(-1)!;
  const content = blocksOf(last).map((block) =>
    block.type === 'tool_result' ? leftOut(block) : block,
  );
  return last.role === 'user'
    ? [...messages.slice(0, -1), { role: 'user', content }]
    : [...messages];
}

function leftOut({ tool_use_id }: ToolResult): ToolResult {
  const content = 'The result of the tool is left out: the endpoint of the model refused it.';
  return { type: 'tool_result', tool_use_id, is_error: true, content };
}

function toolFinished(state: Underway, result: ToolResult, limits: Limits): Step {
  const { turn, messages } = state;
  const awaited = turn.running.some(({ id }) => id === result.tool_use_id);
  const known = turn.results.some((each) => each.tool_use_id === result.tool_use_id);
  if (!awaited || known) return step(state, []);
  const results = [...turn.results, result];
  if (results.length < turn.running.length) {
    return step({ ...state, turn: { ...turn, results } }, []);
  }
  const content = inOrder(turn.running, results, '');
  return callModel({ messages: [...messages, { role: 'user', content }], turn }, limits);
}

function stopped({ phase, messages, turn }: Underway, { reason, text }: Stop): Step {
  if (phase === 'Tools') {
    const content = inOrder(turn.running, turn.results, 'the turn was stopped');
    return endTurn([...messages, { role: 'user', content }], reason, [{ type: 'Cancel' }]);
  }
  if (text.trim() !== '') {
    const answer: Message = { role: 'assistant', content: [{ type: 'text', text }] };
    return endTurn([...messages, answer], reason, [{ type: 'Cancel' }]);
  }
  if (turn.calls > 1) return endTurn(messages, reason, [{ type: 'Cancel' }]);
  return step({ phase: 'Idle', messages: turn.before }, [{ type: 'Cancel' }, { type: 'FailTurn' }]);
}

function endTurn(messages: readonly Message[], stopReason: string, first: Effect[] = []): Step {
  return step({ phase: 'Idle', messages }, [...first, { type: 'EndTurn', end: { stopReason } }]);
}

/** Waits only once for an id that the model uses twice. */
function unique(calls: readonly ToolUse[]): ToolUse[] {
  return [...new Map(calls.map((call) => [call.id, call])).values()];
}

/** One result for each call, as the Messages API demands; a missing one says why. */
function inOrder(
  calls: readonly ToolUse[],
  results: readonly ToolResult[],
  why: string,
): ToolResult[] {
  return calls.map(
    (call) => results.find((each) => each.tool_use_id === call.id) ?? notRun(call, why),
  );
}

function unrun(calls: readonly ToolUse[], why: string): Message {
  return { role: 'user', content: calls.map((call) => notRun(call, why)) };
}

function notRun({ id }: ToolUse, why: string): ToolResult {
  return {
    type: 'tool_result',
    tool_use_id: id,
    is_error: true,
    content: `The tool was not run to its end: ${why}.`,
  };
}

function step(state: State, effects: Effect[]): Step {
  return { state, effects };
}
