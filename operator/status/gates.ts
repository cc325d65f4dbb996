import type { GateStatus } from '../../contract/generated/types.ts';
import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { livePods, MAX_MODEL } from './circuits.ts';
import type { AgentObservation } from './observations.ts';
import { latest, reportedText, reportedTime } from './reported.ts';

export type Gate = GateStatus['gate'];

/** A gate that holds back calls to a dependency in some connected pods. */
export interface DependencyGate {
  dependency: string;
  /** The model that is held back, if the endpoint has several and it is the same in all pods. */
  model?: string;
  gate: Gate;
  /** When the gate ends in all pods, RFC 3339; absent if a pod does not know it. */
  until?: string;
  /** Share of the reporting pods, such as 2/3. */
  pods: string;
}

const SEVERITY: Record<Gate, number> = { None: 0, RateLimited: 1, SpendLimit: 2, Unauthorized: 3 };

/** Shorter pauses are frequent under load. Metrics show them, status does not. Milliseconds. */
const MIN_PAUSE = 5000;

/** The worst gate of the dependency in any live, connected pod; undefined if no pod reports gates. */
export function gateOf(
  dependency: string,
  observation: AgentObservation,
  now: Date,
): DependencyGate | undefined {
  const reported = livePods(observation).flatMap(({ connected, snapshot }) => {
    if (!connected || snapshot?.gates === undefined) return [];
    const found = snapshot.gates.find((gate) => gate.dependency === dependency);
    return [found === undefined ? { gate: 'None' as const } : lasting(found, now)];
  });
  if (reported.length === 0) return undefined;
  const gate = reported
    .map((one) => one.gate)
    .reduce((a, b) => (SEVERITY[b] > SEVERITY[a] ? b : a));
  const shut = reported.filter((one) => one.gate === gate);
  const ends = shut.map((one) => ('until' in one ? reportedTime(one.until) : undefined));
  const until = ends.includes(undefined) ? undefined : latest(ends);
  const models = new Set(shut.map((one) => ('model' in one ? one.model : undefined)));
  const [model] = models;
  return {
    dependency,
    ...(model !== undefined && models.size === 1 && { model: reportedText(model, MAX_MODEL) }),
    gate,
    ...(gate !== 'None' && until !== undefined && { until }),
    pods: `${shut.length}/${reported.length}`,
  };
}

function lasting(status: GateStatus, now: Date): Pick<GateStatus, 'gate' | 'until' | 'model'> {
  const end = Date.parse(status.until ?? '');
  const brief = status.gate === 'RateLimited' && end - now.getTime() < MIN_PAUSE;
  return brief ? { gate: 'None' } : status;
}

/** Explains a gate and what to do about it. */
export function describeGate(of: DependencyGate): string {
  const { dependency, model, gate, until, pods } = of;
  const calls =
    model === undefined ? `calls to ${dependency}` : `calls to ${dependency} with ${model}`;
  const end = until === undefined ? '' : ` until ${until}`;
  const where = `in ${pods} pods${end}`;
  const texts: Record<Gate, string> = {
    None: `Calls to ${dependency} are not held back.`,
    RateLimited: `The provider's rate limit holds ${calls} back ${where}.`,
    SpendLimit: `The provider's spend limit holds calls to ${dependency} back ${where}; raise it there, or use another API key.`,
    Unauthorized: `The provider refuses the API key for ${dependency} ${where}; put a valid one into its Secret, and pods take it within 2 minutes.`,
  };
  return texts[gate];
}

type Dependencies = AgentDeploymentStatus['dependencies'];

/** Gates that differ from the former status. Without a former status, an open gate counts as unchanged. */
export function changedGates(
  previous: Dependencies,
  gates: readonly DependencyGate[],
): DependencyGate[] {
  return gates.filter(({ dependency, gate }) => {
    const before = previous?.find(({ name }) => name === dependency)?.gate ?? 'None';
    return gate !== before;
  });
}
