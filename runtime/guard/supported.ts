import { FEATURES, INBOUND } from '../../contract/link.ts';
import type {
  Circuit,
  ConfigurationStatus,
  Content,
  Endpoint,
  Limit,
} from '../../contract/generated/types.ts';

export type Unsupported = ConfigurationStatus['unsupported'][number];

/** What of a configuration this runtime can do justice to, and what it leaves out. */
export interface Supported {
  endpoints: Endpoint[];
  circuits: Circuit[];
  limits: Limit[];
  unsupported: Unsupported[];
}

const KNOWN: ReadonlySet<string> = new Set(FEATURES);

const NONE: readonly string[] = [];

/** Name of the dependency that an endpoint is. */
export function dependencyOf(endpoint: Endpoint): string {
  return `model/${endpoint.name}`;
}

/**
 * Sorts out what needs a feature that this runtime lacks. An endpoint that is left out takes the
 * circuits and limits of its dependency with it. Paths are JSON pointers into the content.
 */
export function supported(content: Content): Supported {
  const found: Supported = { endpoints: [], circuits: [], limits: [], unsupported: [] };
  const steps = sorting(content, {
    endpoint: (endpoint) => found.endpoints.push(endpoint),
    circuit: (circuit) => found.circuits.push(circuit),
    limit: (limit) => found.limits.push(limit),
    unsupported: (element) => found.unsupported.push(element),
  });
  while (steps.next().done !== true);
  return found;
}

/** Takes what was sorted out, element by element. */
export interface Sorted {
  endpoint(endpoint: Endpoint, dependency: string): void;
  circuit(circuit: Circuit): void;
  limit(limit: Limit): void;
  unsupported?(element: Unsupported): void;
}

/** The same as `supported`, an element at each step: endpoints, then circuits, then limits. */
export function* sorting(content: Content, sorted: Sorted): Generator<void, void> {
  const missing = new Missing();
  const keep = (path: string, lacking: readonly string[], policy?: string): boolean => {
    for (const feature of lacking) {
      sorted.unsupported?.({ path, feature, ...(policy !== undefined && { policy }) });
    }
    return lacking.length === 0;
  };
  for (const [i, endpoint] of content.endpoints.entries()) {
    const dependency = dependencyOf(endpoint);
    const lacking = missing.of('Endpoint', endpoint.provider, NONE, endpoint.requires);
    missing.byTarget.set(dependency, lacking);
    if (lacking === NONE || keep(`/endpoints/${i}`, lacking)) sorted.endpoint(endpoint, dependency);
    yield;
  }
  for (const [i, circuit] of content.circuits.entries()) {
    const lacking = missing.ofTarget(circuit.dependency, circuit.requires);
    if (lacking === NONE || keep(`/circuits/${i}`, lacking, circuit.policy))
      sorted.circuit(circuit);
    yield;
  }
  for (const [i, limit] of content.limits.entries()) {
    const ofTarget = missing.ofTarget(limit.target, undefined);
    const lacking = missing.of('Limit', limit.resource, ofTarget, limit.requires);
    if (lacking === NONE || keep(`/limits/${i}`, lacking, limit.policy)) sorted.limit(limit);
    yield;
  }
}

/** Features that elements need and this runtime lacks; NONE itself where there are none. */
class Missing {
  readonly byTarget = new Map<string, readonly string[]>([[INBOUND, NONE]]);
  /** By kind and value, because most elements are of few kinds. */
  private readonly known = new Map<string, readonly string[]>();

  /** What is missing for an element such as Endpoint Anthropic, beside what its target lacks. */
  of(
    kind: string,
    value: string,
    ofTarget: readonly string[],
    requires: readonly string[] | undefined,
  ): readonly string[] {
    const own = this.implied(`${kind}.${value}`);
    if (own === NONE && ofTarget === NONE && requires === undefined) return NONE;
    return lacking([...own, ...ofTarget, ...(requires ?? [])]);
  }

  /** What is missing to have a target, such as Dependency.tool for tool/search. */
  ofTarget(target: string, requires: readonly string[] | undefined): readonly string[] {
    const own = this.byTarget.get(target) ?? this.implied(`Dependency.${target.split('/')[0]}`);
    return requires === undefined ? own : lacking([...own, ...requires]);
  }

  private implied(feature: string): readonly string[] {
    let found = this.known.get(feature);
    if (found === undefined) this.known.set(feature, (found = lacking([feature])));
    return found;
  }
}

function lacking(features: readonly string[]): readonly string[] {
  const missing = [...new Set(features)].filter((feature) => !KNOWN.has(feature));
  return missing.length === 0 ? NONE : missing;
}
