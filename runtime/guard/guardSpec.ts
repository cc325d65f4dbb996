import { INBOUND, PROGRAM, PROGRAM_TOOLS } from '../../contract/link.ts';
import { dependencyOf, supported } from './supported.ts';
import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import type { BulkheadSpec } from '../resilience/bulkhead.ts';

/** What bounds requests or calls. */
export interface BoundsSpec {
  concurrency: BulkheadSpec;
  limits: readonly Limit[];
}

export interface DependencySpec extends BoundsSpec {
  /** Absent: the defaults. */
  circuit: Circuit | undefined;
  /** Many: the client chooses the model of a call. */
  models: 'One' | 'Many';
  /** Tells whether it is still the same provider, address and model; only compared. */
  of: string;
}

/** What a configuration says to the guard. */
export interface GuardSpec {
  inbound: BoundsSpec;
  /** By name, in the order of the configuration. */
  dependencies: ReadonlyMap<string, DependencySpec>;
  /** How many of the dependencies are endpoints. */
  endpoints: number;
}

/** No bound, as before the first configuration. */
export const UNBOUNDED: BoundsSpec = {
  concurrency: { maxConcurrent: Infinity, maxQueued: 0, acquireTimeoutMs: 0 },
  limits: [],
};

/**
 * Sorts the supported elements of a configuration by dependency.
 *
 * @param programTools names of the program's tools, as the program lists them
 */
export function guardSpec(content: Content, programTools: readonly string[] = []): GuardSpec {
  const { endpoints, tools, mcpServers, circuits, limits } = supported(content);
  const { maxQueued, acquireTimeoutMs } = content.bulkhead;
  const circuitOf = new Map(circuits.map((circuit) => [circuit.dependency, circuit]));
  const limitsOf = Map.groupBy(limits, ({ target }) => target);
  const bounds = (target: string, maxConcurrent = Infinity): BoundsSpec => ({
    concurrency: { maxConcurrent, maxQueued, acquireTimeoutMs },
    limits: limitsOf.get(target) ?? [],
  });
  const dependencies = new Map<string, DependencySpec>();
  const add = (
    name: string,
    maxConcurrent: number | undefined,
    of: string,
    models: DependencySpec['models'] = 'One',
  ): void => {
    dependencies.set(name, {
      ...bounds(name, maxConcurrent),
      ...{ circuit: circuitOf.get(name), models, of },
    });
  };
  /** A tool of the program. What is said of each of them holds where nothing is said of this one. */
  const addTool = (name: string): void => {
    if (dependencies.has(name)) return;
    add(name, undefined, PROGRAM);
    const spec = dependencies.get(name)!;
    const every = circuitOf.get(PROGRAM_TOOLS);
    const own = limitsOf.get(name);
    const limits =
      own ?? (limitsOf.get(PROGRAM_TOOLS) ?? []).map((each) => ({ ...each, target: name }));
    const circuit = spec.circuit ?? (every && { ...every, dependency: name });
    dependencies.set(name, { ...spec, circuit, limits });
  };
  for (const endpoint of endpoints) {
    const { provider, baseURL, project, workspace, model, maxConcurrent } = endpoint;
    const of = JSON.stringify([provider, baseURL, project, workspace, model]);
    add(dependencyOf(endpoint), maxConcurrent, of, model === undefined ? 'Many' : 'One');
  }
  for (const { name, maxConcurrent, http } of tools) {
    add(`tool/${name}`, maxConcurrent, http?.url ?? '');
  }
  for (const { name, maxConcurrent, url } of mcpServers) add(`mcp/${name}`, maxConcurrent, url);
  if (content.program) {
    add(PROGRAM, undefined, PROGRAM);
    for (const tool of programTools) addTool(`tool/${tool}`);
  }
  const inbound = bounds(INBOUND, content.bulkhead.maxConcurrent);
  return { inbound, dependencies, endpoints: endpoints.length };
}
