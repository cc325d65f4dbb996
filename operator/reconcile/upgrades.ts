import { UPGRADING_ANNOTATION, type Upgrade } from '../desired/objects/deployment.ts';
import {
  isServing,
  isStuck,
  type LiveDeployment,
  type PodChange,
} from '../desired/objects/pods.ts';
import { keyOf, type Deployment } from '../kube/index.ts';
import { agentKeyOfChild } from './agentKeys.ts';

export interface UpgradesOptions {
  /** How many agents may roll at once because the operator is a new version. */
  limit: number;
  /** The upgrade stops when so many agents have failed. */
  maxFailures: number;
  /** Deployments that an earlier leader marked as rolling. */
  deployments: readonly Deployment[];
  /** Enqueues an agent that may get a place now, or that waits for another reason than before. */
  wake: (key: string) => void;
}

/** Numbers of agents by the state of their upgrade. */
export interface UpgradeCounts {
  /** Wait for a place. */
  waiting: number;
  /** Wait because the upgrade has stopped. */
  stopped: number;
  /** Have a place. */
  rolling: number;
  /** Roll without a place, because none of their pods was available before. */
  repairing: number;
  /** Were available before, and their new pods do not become available. */
  failed: number;
}

/**
 * Limits how many agents roll at once when a new version of the operator changes the image or the pod template of all.
 * Rollouts that a user asked for never wait.
 *
 * An agent without available pods takes no place, so broken agents do not delay the upgrade. An agent whose rollout
 * makes no progress gives its place back and counts as failed. After `maxFailures` failed agents the upgrade stops: no
 * other agent begins to roll until one of them recovers, is changed or deleted.
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

  /** Gives the agent a place, lets it wait, or takes its place back, depending on how its pods change. */
  admit(
    key: string,
    change: PodChange | undefined,
    live: LiveDeployment | undefined,
  ): Upgrade | undefined {
    if (change === undefined) return undefined;
    if (change === 'None') this.release(key);
    else if (change === 'RollingOut') this.#failIfStuck(key, live);
    else if (change === 'Upgrade') return this.#begin(key, live);
    this.#waiting.delete(key);
    return this.#stateOf(key);
  }

  /** Takes back the agent's place, and ends its wait. */
  release(key: string): void {
    this.#change(() => {
      for (const each of [this.#waiting, this.#rolling, this.#repairing, this.#failed]) {
        each.delete(key);
      }
    });
  }

  #begin(key: string, live: LiveDeployment | undefined): Upgrade {
    // A newer version may repair the agent.
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

  /** Takes back the place of an agent whose rollout makes no progress. */
  #failIfStuck(key: string, live: LiveDeployment | undefined): void {
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

  /** Wakes waiting agents: as many as there are free places, or all if the change stops or resumes the upgrade. */
  #change(change: () => void): void {
    const before = this.stopped;
    change();
    const { stopped } = this;
    const free = stopped ? 0 : Math.max(0, this.#options.limit - this.#rolling.size);
    const woken = stopped === before ? [...this.#waiting].slice(0, free) : [...this.#waiting];
    for (const key of woken) this.#options.wake(key);
  }
}
