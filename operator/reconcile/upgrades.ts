import { UPGRADING_ANNOTATION, type Upgrade } from '../desired/objects/deployment.ts';
import type { PodChange } from '../desired/objects/pods.ts';
import { keyOf, type Deployment } from '../kube/index.ts';
import { agentKeyOfChild } from './agentOf.ts';

export interface UpgradesOptions {
  /** How many agents may roll at once because the operator is a new version. */
  limit: number;
  /** All Deployments of agents, as an earlier leader left them. */
  deployments: readonly Deployment[];
  /** Called with the key of an agent that may find a place now. */
  wake: (key: string) => void;
}

/**
 * The places for agents that roll because of a new version of the operator, with another default image or another pod
 * template, so that not all roll at once. A roll-out that the user asked for never waits. One that does not come to an
 * end keeps its place, so an upgrade that breaks agents stops by itself.
 */
export class Upgrades {
  readonly #limit: number;
  readonly #wake: (key: string) => void;
  readonly #rolling = new Set<string>();
  readonly #waiting = new Set<string>();

  constructor({ limit, deployments, wake }: UpgradesOptions) {
    this.#limit = limit;
    this.#wake = wake;
    for (const deployment of deployments) {
      if (deployment.metadata.annotations?.[UPGRADING_ANNOTATION] === undefined) continue;
      this.#rolling.add(agentKeyOfChild(deployment) ?? keyOf(deployment));
    }
  }

  /** Gives the agent a place or a turn, or takes them back, as the change of its pods asks for. */
  admit(key: string, change: PodChange | undefined): Upgrade | undefined {
    if (change === undefined) return undefined;
    if (change === 'None') this.release(key);
    if (change === 'Upgrade' && !this.#rolling.has(key)) {
      if (this.#rolling.size >= this.#limit) {
        this.#waiting.add(key);
        return 'Waits';
      }
      this.#rolling.add(key);
    }
    this.#waiting.delete(key);
    return this.#rolling.has(key) ? 'Rolls' : undefined;
  }

  /** Gives up the agent's place, or its turn. */
  release(key: string): void {
    this.#waiting.delete(key);
    this.#rolling.delete(key);
    this.#wakeNext();
  }

  #wakeNext(): void {
    const free = this.#limit - this.#rolling.size;
    for (const key of [...this.#waiting].slice(0, Math.max(0, free))) this.#wake(key);
  }
}
