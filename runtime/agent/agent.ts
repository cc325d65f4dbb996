import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { MountedKey } from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import { Conversations } from '../http/conversations.ts';
import type { TurnContext } from '../http/conversations.ts';
import type { InForce } from '../http/messages.ts';
import type { ModelCaller } from '../model/caller.ts';
import type { TokenEstimator } from '../model/estimate.ts';
import type { Environment } from './environment.ts';
import { MemoryStore } from './memoryStore.ts';
import { AgentModel } from './model.ts';
import { SystemPrompt } from './prompt.ts';

export interface AgentDeps {
  guard: Guard;
  clock: Clock;
  caller: Pick<ModelCaller, 'call'>;
  estimator: TokenEstimator;
  /** Undefined as long as there is none. */
  inForce: () => InForce | undefined;
  /** Bytes of conversations that are kept in memory at most. */
  maxConversationBytes: number;
  log: Logger;
}

/** The agent itself: its conversations and what it does in them. */
export class Agent {
  readonly conversations: Conversations;
  readonly #deps: AgentDeps;
  readonly #model: AgentModel;
  readonly #prompt: SystemPrompt;
  readonly #store: MemoryStore;

  constructor(deps: AgentDeps) {
    const { clock, inForce, maxConversationBytes } = deps;
    this.#deps = deps;
    this.#model = new AgentModel(deps.caller);
    this.#prompt = new SystemPrompt(() => clock.now());
    this.#store = new MemoryStore({
      clock,
      idleTimeoutMs: () => inForce()?.content.conversation?.idleTimeoutMs ?? Infinity,
      newId: () => `conv_${randomBytes(18).toString('base64url')}`,
      absenceOf: () => 'NotFound',
      maxBytes: maxConversationBytes,
    });
    this.conversations = new Conversations({
      ...deps,
      store: this.#store,
      prompt: this.#prompt,
      environment: (context) => this.#environment(context),
    });
  }

  /** Keys of ConfigMaps that the configuration asks for and that are not mounted. */
  missingConfigMaps(): MountedKey[] {
    const missing = this.#prompt.missing(this.#deps.inForce()?.content.conversation);
    return missing ? [missing] : [];
  }

  async close(): Promise<void> {
    await this.#store.close();
  }

  #environment(context: TurnContext): Environment {
    const { inForce, conversation, used, system, model, id, callerHeaders } = context;
    const { clock } = this.#deps;
    return {
      callModel: (messages, onText, signal) =>
        this.#model.call({
          ...inForce,
          model,
          maxTokens: conversation.maxTokens,
          ...(system !== undefined && { system }),
          tools: [],
          messages,
          callerHeaders,
          stickiness: id,
          deadlineAt: clock.now() + inForce.content.timeouts.requestMs,
          signal,
          onText,
          onUsage: (charge) => used.add(charge),
        }),
      runTool: ({ id: call, name }) =>
        Promise.resolve({
          type: 'tool_result',
          tool_use_id: call,
          is_error: true,
          content: `There is no tool named ${name}.`,
        }),
    };
  }
}
