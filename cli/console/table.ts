import type { Pod } from '../../operator/kube/index.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Level } from '../view/columns.ts';
import { statusRows, type StatusRow } from '../view/statusTable.ts';
import { tripsOf, type Trip } from '../view/trips.ts';
import { AGENT_LABEL, isFor, keyOf, type Policy, type World } from '../view/world.ts';
import type { TableLine } from './answers.ts';

/** Parts that are not well which a line names. */
export const MAX_PARTS = 8;
/** Transitions that the timeline shows. */
export const MAX_TRIPS = 200;

const GRAVITY: Record<Level, number> = { bad: 2, warn: 1, ok: 0 };

/** One agent with all that belongs to it. */
export interface AgentWorld extends World {
  agents: readonly [AgentDeployment];
}

/** What a line was made of. */
interface Made {
  from: readonly object[];
  line: TableLine;
}

/** The lines of a world. Makes only those again whose objects changed. */
export class Table {
  #made = new Map<string, Made>();
  #trips: { from: readonly object[]; trips: Trip[] } = { from: [], trips: [] };

  /** The lines by their keys. A line whose objects did not change is the same object as before. */
  lines(world: World): ReadonlyMap<string, TableLine> {
    const parts = new Parts(world);
    const made = new Map<string, Made>();
    const keep = (key: string, from: readonly object[], make: () => TableLine): void => {
      const before = this.#made.get(key);
      made.set(key, before && same(before.from, from) ? before : { from, line: make() });
    };
    for (const agent of world.agents) {
      const own = parts.of(agent);
      const from = [agent, ...own.breakers, ...own.limits, ...own.pods];
      keep(keyOf(agent), from, () => agentLine(keyOf(agent), statusRows(own)));
    }
    for (const policy of parts.homeless()) {
      const key = `${policy.kind} ${keyOf(policy)}`;
      keep(key, [policy], () => policyLine(key, policy));
    }
    this.#made = made;
    return new Map([...made].map(([key, { line }]) => [key, line]));
  }

  /** The last transitions, the newest first: the same array while no policy changed. */
  trips({ breakers }: World): readonly Trip[] {
    if (!same(this.#trips.from, breakers)) {
      const trips = tripsOf({ agents: [], breakers, limits: [], pods: [] }).slice(0, MAX_TRIPS);
      this.#trips = { from: [...breakers], trips };
    }
    return this.#trips.trips;
  }
}

function same(a: readonly object[], b: readonly object[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}

/** Finds the policies and pods of each agent without a look at all others. */
class Parts {
  readonly #pods: Map<string, Pod[]>;
  /** By namespace. */
  readonly #agents: Map<string, AgentDeployment[]>;
  readonly #policies = new Map<string, Policy[]>();
  readonly #homeless: Policy[] = [];

  constructor(world: World) {
    this.#pods = Map.groupBy(
      world.pods,
      ({ metadata }) => `${metadata.namespace}/${metadata.labels?.[AGENT_LABEL]}`,
    );
    this.#agents = Map.groupBy(world.agents, ({ metadata }) => metadata.namespace ?? '');
    const byKey = new Map(world.agents.map((agent) => [keyOf(agent), agent]));
    for (const policy of [...world.breakers, ...world.limits]) this.#attach(policy, byKey);
  }

  #attach(policy: Policy, byKey: ReadonlyMap<string, AgentDeployment>): void {
    const { namespace } = policy.metadata;
    const { targetRefs = [], targetSelectors = [] } = policy.spec;
    const agents =
      targetSelectors.length > 0
        ? (this.#agents.get(namespace ?? '') ?? []).filter((agent) => isFor(policy, agent))
        : targetRefs.flatMap(({ name }) => byKey.get(`${namespace}/${name}`) ?? []);
    if (agents.length === 0) this.#homeless.push(policy);
    for (const key of new Set(agents.map(keyOf))) {
      const known = this.#policies.get(key);
      if (known) known.push(policy);
      else this.#policies.set(key, [policy]);
    }
  }

  /** The agent with what belongs to it. */
  of(agent: AgentDeployment): AgentWorld {
    const policies = this.#policies.get(keyOf(agent)) ?? [];
    return {
      agents: [agent],
      breakers: policies.filter((each) => each.kind === 'CircuitBreakerPolicy'),
      limits: policies.filter((each) => each.kind === 'RateLimitPolicy'),
      pods: this.#pods.get(keyOf(agent)) ?? [],
    };
  }

  /** Policies without an agent. */
  homeless(): readonly Policy[] {
    return this.#homeless;
  }
}

/** An agent with all that belongs to it; undefined if there is none of that name. */
export function worldOf(world: World, namespace: string, name: string): AgentWorld | undefined {
  const agent = world.agents.find((each) => keyOf(each) === `${namespace}/${name}`);
  return agent && new Parts(world).of(agent);
}

function agentLine(key: string, rows: readonly StatusRow[]): TableLine {
  const [agent, ...rest] = rows as [StatusRow, ...StatusRow[]];
  const parts = rest.filter(({ level }) => level !== 'ok').sort(byGravity);
  const level = [agent, ...parts].toSorted(byGravity)[0]!.level;
  const circuits = rest.filter(({ kind }) => kind === 'circuit');
  const closed = circuits.filter(({ state }) => state.startsWith('Closed'));
  const { namespace, name, pods, reason } = agent;
  // An agent that is ready may have an open circuit.
  const { state, since } = agent.level === level ? agent : parts[0]!;
  return {
    ...{ key, namespace, name, kind: 'agent', level, state, pods, since, reason },
    circuits: circuits.length > 0 ? `${closed.length}/${circuits.length}` : undefined,
    parts: parts.slice(0, MAX_PARTS),
    more: Math.max(0, parts.length - MAX_PARTS),
  };
}

function policyLine(key: string, policy: Policy): TableLine {
  const { namespace = '', name } = policy.metadata;
  const [row] = statusRows({
    agents: [],
    breakers: policy.kind === 'CircuitBreakerPolicy' ? [policy] : [],
    limits: policy.kind === 'RateLimitPolicy' ? [policy] : [],
    pods: [],
  });
  const well = { level: 'ok', state: 'Accepted' } as const;
  const { level, state, since, reason }: Pick<StatusRow, 'level' | 'state' | 'since' | 'reason'> =
    row ?? well;
  const shown = `${policy.kind} ${name}`;
  return {
    ...{ key, namespace, name: shown, kind: 'policy', level, state, since, reason },
    ...{ parts: [], more: 0 },
  };
}

function byGravity(a: StatusRow, b: StatusRow): number {
  return GRAVITY[b.level] - GRAVITY[a.level];
}
