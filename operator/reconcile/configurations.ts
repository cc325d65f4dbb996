import type { Configuration, Content } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { configMapName } from '../desired/common/metadata.ts';
import type { AgentPlan } from '../desired/plan.ts';
import { keyOf, share, type ConfigMap } from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import type { Applied } from './agentState.ts';
import type { Caches } from './caches.ts';
import type { Fleet } from './fleet.ts';
import { knownRevisions, storedConfiguration } from './knownRevisions.ts';
import { Revisions, type KnownRevisions } from './revisions.ts';

export interface ConfigurationsOptions {
  caches: Caches;
  links: Links;
  fleet: Pick<Fleet, 'configure' | 'forget'>;
  /** Of the Lease under which this process leads. */
  leaseTransitions: number;
  /** Result of the agent's last reconcile. */
  lastApplied: (key: string) => Applied | undefined;
  /** Monotonic milliseconds. */
  now: () => number;
}

/** Gives the configurations of agents their revisions and pushes them to pods, for one term of the leader. */
export class Configurations {
  readonly #options: ConfigurationsOptions;
  readonly #revisions = new Map<string, Revisions>();
  /** The last content. The next one shares with it what is equal in both. */
  #content: Content | undefined;

  constructor(options: ConfigurationsOptions) {
    this.#options = options;
  }

  /** Term under which this process leads the agent; 0 before its first configuration. */
  termOf(key: string): number {
    return this.#revisions.get(key)?.term ?? 0;
  }

  /** The plan's configuration with its revision; undefined when the plan has none. */
  revise(key: string, agent: AgentDeployment, plan: AgentPlan): Configuration | undefined {
    if (!plan.content || !plan.hash) return undefined;
    const known = this.#knownRevisions(key, agent);
    this.#content = share(plan.content, this.#content);
    return this.#revisionsOf(key).decide(this.#content, plan.hash, known).configuration;
  }

  /** The configuration that the agent's pods run. */
  #inForce(agent: AgentDeployment): Configuration | undefined {
    const { configuration, configuredAt } = this.#options.lastApplied(keyOf(agent)) ?? {};
    // The cache may not show our own last write yet.
    if (configuredAt !== undefined) return configuration;
    return storedConfiguration(this.#configMap(agent));
  }

  /** For a paused agent: pushes the configuration in force, so that pods that connect run the same as the others. */
  keep(key: string, agent: AgentDeployment): Applied {
    const inForce = this.#inForce(agent);
    if (!inForce) return { applyErrors: [] };
    const known = this.#knownRevisions(key, agent);
    const { configuration } = this.#revisionsOf(key).keep(inForce, known);
    return { configuration, configuredAt: this.push(key, configuration), applyErrors: [] };
  }

  /** @returns when pods were first sent this configuration, in monotonic milliseconds */
  push(key: string, configuration: Configuration): number {
    this.#options.fleet.configure(key, configuration);
    this.#options.links.setDesired(key, configuration, this.termOf(key));
    const last = this.#options.lastApplied(key);
    const isSame = last?.configuration?.hash === configuration.hash;
    return isSame && last.configuredAt !== undefined ? last.configuredAt : this.#options.now();
  }

  forget(key: string): void {
    this.#revisions.delete(key);
    this.#options.links.forget(key);
    this.#options.fleet.forget(key);
  }

  #revisionsOf(key: string): Revisions {
    let revisions = this.#revisions.get(key);
    if (!revisions) {
      revisions = new Revisions(this.#options.leaseTransitions);
      this.#revisions.set(key, revisions);
    }
    return revisions;
  }

  #knownRevisions(key: string, agent: AgentDeployment): KnownRevisions {
    return knownRevisions({
      agent,
      configMap: this.#configMap(agent),
      applied: this.#options.lastApplied(key)?.configuration,
      pods: this.#options.links.podsOf(key),
    });
  }

  #configMap(agent: AgentDeployment): ConfigMap | undefined {
    return this.#options.caches.configMaps.get(agent.metadata.namespace, configMapName(agent));
  }
}
