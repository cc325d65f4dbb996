import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Agents, Pod } from './agents.ts';
import { agentTargets, discoveredAgentJob } from './monitoredAgent.ts';

const EVERY_MS = 500;

/**
 * Writes the pods of an agent into a file for Prometheus. It replaces the Kubernetes service discovery, without which
 * Debian's Prometheus is built.
 */
export class DiscoveredPods {
  readonly job: object;
  readonly #agent: AgentDeployment;
  readonly #agents: Agents;
  readonly #directory: string;
  readonly #file: string;
  readonly #ended = new AbortController();
  #following: Promise<void> | undefined;

  private constructor(agent: AgentDeployment, agents: Agents, directory: string) {
    this.#agent = agent;
    this.#agents = agents;
    this.#directory = directory;
    this.#file = join(directory, 'targets.json');
    this.job = discoveredAgentJob(agent, { file_sd_configs: [{ files: [this.#file] }] });
  }

  /** Resolves after the first write of the file. */
  static async follow(agent: AgentDeployment, agents: Agents): Promise<DiscoveredPods> {
    const directory = await mkdtemp(join(tmpdir(), 'targets-'));
    const discovered = new DiscoveredPods(agent, agents, directory);
    await discovered.#tell();
    discovered.#following = discovered.#follow();
    return discovered;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#following;
    await rm(this.#directory, { recursive: true });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await pause(EVERY_MS, undefined, { signal }).catch(() => undefined);
      // The next round repeats a failed write.
      if (!signal.aborted) await this.#tell().catch(() => undefined);
    }
  }

  async #tell(): Promise<void> {
    const pods = await this.#agents.pods(this.#agent.metadata.name);
    const groups = pods.filter(hasAddress).flatMap((pod) => this.#targets(pod));
    // Prometheus reads the file after each change, so it must never be incomplete.
    await writeFile(`${this.#file}.next`, JSON.stringify(groups));
    await rename(`${this.#file}.next`, this.#file);
  }

  #targets({ metadata, status }: Pod): object[] {
    const metrics = `${status!.podIP}:${PORTS.metrics}`;
    return agentTargets(this.#agent, { name: metadata.name, addresses: { metrics } });
  }
}

function hasAddress({ status }: Pod): boolean {
  return status?.phase === 'Running' && status.podIP !== undefined;
}
