import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { Multimap } from '../common/multimap.ts';

type Labels = Record<string, string>;

/** The agents of one namespace, by name and by label. */
export class AgentIndex {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #byLabel = new Multimap<string, string>();

  get size(): number {
    return this.#agents.size;
  }

  get(name: string): AgentDeployment | undefined {
    return this.#agents.get(name);
  }

  names(): Iterable<string> {
    return this.#agents.keys();
  }

  set(agent: AgentDeployment): void {
    const { name } = agent.metadata;
    this.delete(name);
    this.#agents.set(name, agent);
    for (const label of labelsOf(agent.metadata.labels)) this.#byLabel.add(label, name);
  }

  delete(name: string): void {
    const labels = this.#agents.get(name)?.metadata.labels;
    for (const label of labelsOf(labels)) this.#byLabel.delete(label, name);
    this.#agents.delete(name);
  }

  /** Names of the agents with the rarest of the labels. They include all agents with all of the labels. */
  mayMatch(labels: Labels): Iterable<string> {
    const sets = labelsOf(labels).map((label) => this.#byLabel.get(label));
    if (sets.length === 0) return this.names();
    return sets.reduce((rarest, each) => (each.size < rarest.size ? each : rarest));
  }
}

/** Each label as text. A key contains no `=`. */
export function labelsOf(labels: Labels = {}): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}
