import { MOUNTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConfigMap } from '../kube/index.ts';

/** Form of the tokens that `random` makes. */
const TOKEN = /^[\w-]{43}$/;

/**
 * Tokens of the local APIs of programs, by key of the agent. A token lasts as long as the agent: running programs have it in
 * their environment. It is remembered, because the cache may not have our own last write yet.
 */
export class ProgramTokens {
  readonly #tokens = new Map<string, string>();
  readonly #random: () => string;

  /** @param random 32 random bytes as base64url */
  constructor(random: () => string) {
    this.#random = random;
  }

  /** @param live the agent's ConfigMap; @returns undefined without a program */
  of(key: string, { spec }: AgentDeployment, live: ConfigMap | undefined): string | undefined {
    if (spec.program === undefined) return undefined;
    const stored = live?.data?.[MOUNTS.programTokenKey] ?? '';
    const token = this.#tokens.get(key) ?? (TOKEN.test(stored) ? stored : this.#random());
    this.#tokens.set(key, token);
    return token;
  }

  forget(key: string): void {
    this.#tokens.delete(key);
  }
}
