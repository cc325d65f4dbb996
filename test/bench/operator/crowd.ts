import { resourcePath } from '../../../operator/kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  RateLimitPolicies,
} from '../../../operator/resources/resources.ts';
import { inParallel, type World } from './world.ts';

/** Namespace of all agents. */
const NAMESPACE = 'crowd';
const AGENTS_PER_TEAM = 10;
const AGENTS_PER_POLICY = 5;
const PODS_PER_AGENT = 3;
const API_VERSION = 'breakwater.dev/v1alpha1';
/** Label of every agent. */
const ALL = { crowd: 'all' };
const OF_ALL = 'breaker-whole-crowd';

type PolicyResource = typeof CircuitBreakerPolicies | typeof RateLimitPolicies;

/**
 * One namespace full of agents with four dependencies each. There is one policy for five agents. Half of the policies
 * are breakers and half are limits. Half of either kind choose agents by label: each a team of ten, but one breaker
 * chooses all agents. Each agent has three pods, which are only objects in the API server. The first of each runs at
 * an address.
 */
export class Crowd {
  readonly agents: number;
  readonly #world: World;

  constructor(world: World, agents: number) {
    this.#world = world;
    this.agents = agents;
  }

  get #teams(): number {
    return this.agents / AGENTS_PER_TEAM;
  }

  /** Number of policies of one kind that choose agents in one way. */
  get #quarter(): number {
    return this.agents / AGENTS_PER_POLICY / 4;
  }

  keyOf(index: number): string {
    return `${NAMESPACE}/${this.#nameOf(index)}`;
  }

  #nameOf(index: number): string {
    return `agent-${index % this.agents}`;
  }

  async make(): Promise<void> {
    await this.#world.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    await inParallel(this.agents, (index) => this.makeAgent(this.#nameOf(index), index));
    await inParallel(this.#quarter, (index) => this.#makePolicies(index));
    // Created last and the last by name, so that the policies of teams win.
    await this.#makePolicy(CircuitBreakerPolicies, OF_ALL, {
      targetSelectors: [{ matchLabels: ALL }],
    });
  }

  async makeAgent(name: string, index: number): Promise<void> {
    const tool = (tool: string): object => ({
      name: tool,
      description: `What ${tool} does.`,
      http: { url: `https://${tool}.example.com/v1/{id}` },
      inputSchema: { type: 'object', properties: { id: { type: 'string' } } },
    });
    const labels = { ...ALL, team: `team-${index % this.#teams}` };
    await this.#world.post(resourcePath(AgentDeployments, NAMESPACE), {
      apiVersion: API_VERSION,
      kind: 'AgentDeployment',
      metadata: { namespace: NAMESPACE, name, labels },
      spec: {
        model: {
          endpoints: ['primary', 'fallback'].map((endpoint) => ({
            name: endpoint,
            model: 'some-model',
          })),
        },
        tools: [tool('orders'), tool('parcels')],
      },
    });
  }

  /** Creates one policy of each sort. Teams in the first half have a breaker, those in the other half a limit. */
  async #makePolicies(index: number): Promise<void> {
    const byName = { targetRefs: [{ name: this.#nameOf(index) }] };
    const ofTeam = (team: number): object => ({
      targetSelectors: [{ matchLabels: { team: `team-${team}` } }],
    });
    await this.#makePolicy(CircuitBreakerPolicies, `breaker-${index}`, byName);
    await this.#makePolicy(RateLimitPolicies, `limit-${index}`, byName);
    await this.#makePolicy(RateLimitPolicies, `limit-team-${index}`, ofTeam(this.#quarter + index));
    // The last breaker is the one for all agents.
    if (index + 1 === this.#quarter) return;
    await this.#makePolicy(CircuitBreakerPolicies, `breaker-team-${index}`, ofTeam(index));
  }

  async #makePolicy(resource: PolicyResource, name: string, targets: object): Promise<void> {
    const limits = [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 }];
    await this.#world.post(resourcePath(resource, NAMESPACE), {
      apiVersion: API_VERSION,
      kind: resource.kind,
      metadata: { namespace: NAMESPACE, name },
      spec: { ...targets, scope: 'Pod', ...(resource === RateLimitPolicies && { limits }) },
    });
  }

  /** Creates the pods of all agents, once the operator has created their Deployments. */
  async makePods(): Promise<void> {
    await inParallel(this.agents, async (index) => {
      for (let pod = 0; pod < PODS_PER_AGENT; pod++) await this.#makePod(index, pod);
      await this.#run(index);
    });
  }

  /** Deletes the running pod, and creates another one with its name and address. */
  async replacePod(index: number): Promise<void> {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${this.#podOf(index, 0)}`;
    await this.#world.delete(path, { gracePeriodSeconds: 0 });
    await this.#makePod(index, 0);
    await this.#run(index);
  }

  #podOf(index: number, pod: number): string {
    return `${this.#nameOf(index)}-${pod}`;
  }

  async #makePod(index: number, pod: number): Promise<void> {
    await this.#world.makePod(NAMESPACE, this.#nameOf(index), this.#podOf(index, pod));
  }

  async #run(index: number): Promise<void> {
    await this.#world.runPod(NAMESPACE, this.#podOf(index, 0), index % this.agents);
  }

  async changeSpec(index: number, request: string): Promise<void> {
    await this.#world.patch(resourcePath(AgentDeployments, NAMESPACE, this.#nameOf(index)), {
      spec: { timeouts: { request } },
    });
  }

  /** Changes the breaker of an agent: in turn one that names it and one for its team. */
  async changeBreaker(index: number, openDuration: string): Promise<void> {
    const number = Math.floor(index / 2) % (this.#quarter - 1);
    const name = index % 2 === 0 ? `breaker-${number}` : `breaker-team-${number}`;
    await this.#changeBreaker(name, openDuration);
  }

  /** Changes the breaker for all agents. It is in force for half of them. */
  async changeBreakerOfAll(openDuration: string): Promise<void> {
    await this.#changeBreaker(OF_ALL, openDuration);
  }

  async #changeBreaker(name: string, openDuration: string): Promise<void> {
    const path = resourcePath(CircuitBreakerPolicies, NAMESPACE, name);
    await this.#world.patch(path, { spec: { openDuration } });
  }

  /** Creates an agent and deletes it. Deletes its objects as the garbage collector would. */
  async passingAgent(index: number, whileThere: () => Promise<void>): Promise<void> {
    const name = `passing-${index}`;
    await this.makeAgent(name, index);
    await whileThere();
    await this.#world.delete(resourcePath(AgentDeployments, NAMESPACE, name));
    await this.#world.deleteChildren(NAMESPACE, name);
  }
}
