import { UPGRADING_ANNOTATION, type Upgrade } from '../desired/objects/deployment.ts';
import {
  isServing,
  isStuck,
  type LiveDeployment,
  type PodChange,
} from '../desired/objects/pods.ts';
import { keyOf, type Deployment } from '../kube/index.ts';
import { agentKeyOfChild } from './agentOf.ts';

export interface UpgradesOptions {
  /** How many agents may roll at once because the operator is a new version. */
  limit: number;
  /** The upgrade stops when it has made so many agents worse. */
  maxFailures: number;
  /** Deployments of agents that roll, as an earlier leader left them. */
  deployments: readonly Deployment[];
  /** Called with the key of an agent that may find a place now, or that has another reason to wait. */
  wake: (key: string) => void;
}

/** Agents by how far their upgrade is. */
export interface UpgradeCounts {
  /** They wait for a place. */
  waiting: number;
  /** They would wait for a place, but the upgrade has stopped. */
  stopped: number;
  /** They have a place. */
  rolling: number;
  /** They roll without a place, because no pod of theirs was available before. */
  repairing: number;
  /** They were well before, and their new pods do not become available. */
  failed: number;
}

/**
 * The places for agents that roll because of a new version of the operator, with another default image or another pod
 * template, so that not all roll at once. A roll-out that the user asked for never waits.
 *
 * An agent that serves nobody takes no place, so that broken agents hold up no upgrade. One whose roll-out makes no
 * progress gives its place back and counts as failed; after `maxFailures` of them no other agent begins to roll until
 * one of these recovers, is changed or deleted.
 */
export class Upgrades {
  readonly #options: UpgradesOptions;
  readonly #rolling = new Set<string>();
  readonly #repairing = new Set<string>();
  readonly #failed = new Set<string>();
  readonly #waiting = new Set<string>();

  constructor(options: UpgradesOptions) {
    this.#options = options;
    for (const deployment of options.deployments) {
      const mark = deployment.metadata.annotations?.[UPGRADING_ANNOTATION];
      if (mark === undefined) continue;
      const key = agentKeyOfChild(deployment) ?? keyOf(deployment);
      if (mark === 'Repairs') this.#repairing.add(key);
      else if (isStuck(deployment)) this.#failed.add(key);
      else this.#rolling.add(key);
    }
  }

  /** Whether no other agent begins to roll, because the upgrade has made too many worse. */
  get stopped(): boolean {
    return this.#failed.size >= this.#options.maxFailures;
  }

  counts(): UpgradeCounts {
    const { stopped } = this;
    return {
      waiting: stopped ? 0 : this.#waiting.size,
      stopped: stopped ? this.#waiting.size : 0,
      rolling: this.#rolling.size,
      repairing: this.#repairing.size,
      failed: this.#failed.size,
    };
  }

  /** Gives the agent a place or a turn, or takes them back, as the change of its pods asks for. */
  admit(
    key: string,
    change: PodChange | undefined,
    live: LiveDeployment | undefined,
  ): Upgrade | undefined {
    if (change === undefined) return undefined;
    if (change === 'None') this.release(key);
    else if (change === 'RollingOut') this.#judge(key, live);
    else if (change === 'Upgrade') return this.#begin(key, live);
    this.#waiting.delete(key);
    return this.#stateOf(key);
  }

  /** Gives up the agent's place, or its turn. */
  release(key: string): void {
    this.#change(() => {
      for (const each of [this.#waiting, this.#rolling, this.#repairing, this.#failed]) {
        each.delete(key);
      }
    });
  }

  #begin(key: string, live: LiveDeployment | undefined): Upgrade {
    // A newer version may mend what an earlier one broke.
    if (this.#failed.has(key)) this.#change(() => this.#failed.delete(key));
    const state = this.#stateOf(key);
    if (state !== undefined) return state;
    if (!live || !isServing(live) || isStuck(live)) {
      this.#waiting.delete(key);
      this.#repairing.add(key);
      return 'Repairs';
    }
    if (this.stopped || this.#rolling.size >= this.#options.limit) {
      this.#waiting.add(key);
      return this.stopped ? 'Stopped' : 'Waits';
    }
    this.#waiting.delete(key);
    this.#rolling.add(key);
    return 'Rolls';
  }

  /** An agent whose new pods do not become available gives its place to another one. */
  #judge(key: string, live: LiveDeployment | undefined): void {
    if (!live || !isStuck(live) || !this.#rolling.has(key)) return;
    this.#change(() => {
      this.#rolling.delete(key);
      this.#failed.add(key);
    });
  }

  #stateOf(key: string): Upgrade | undefined {
    if (this.#failed.has(key)) return 'Failed';
    if (this.#repairing.has(key)) return 'Repairs';
    return this.#rolling.has(key) ? 'Rolls' : undefined;
  }

  /** Wakes those who may begin now; all who wait when the upgrade has stopped or goes on. */
  #change(change: () => void): void {
    const before = this.stopped;
    change();
    const { stopped } = this;
    const free = stopped ? 0 : Math.max(0, this.#options.limit - this.#rolling.size);
    const woken = stopped === before ? [...this.#waiting].slice(0, free) : [...this.#waiting];
    for (const key of woken) this.#options.wake(key);
  }
}
