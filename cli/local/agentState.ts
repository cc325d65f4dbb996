import type {
  CircuitStatus,
  ConfigurationStatus,
  GateStatus,
  Transition,
} from '../../contract/generated/types.ts';

/** Numbers of a circuit, as the runtime's debug port tells them. */
export interface CircuitNumbers {
  dependency: string;
  requests: number;
  rejected: number;
  failures: Record<string, number>;
}

/** Numbers of a limit, as the runtime's debug port tells them. */
export interface LimitNumbers {
  target: string;
  limit: string;
  requests: number;
  rejected: number;
  tokens: number;
}

/** What a runtime tells about itself. */
export interface AgentState {
  configuration: ConfigurationStatus;
  openRequests: number;
  circuits: CircuitStatus[];
  gates: GateStatus[];
  transitions: Transition[];
  circuitNumbers: CircuitNumbers[];
  limits: LimitNumbers[];
}

/** Asks a runtime on its debug port. Rejects when it does not answer. */
export async function askState(debugUrl: string): Promise<AgentState> {
  const page = async <T>(name: string): Promise<T> => {
    const response = await fetch(`${debugUrl}/debug/${name}`);
    if (!response.ok) throw new Error(`/debug/${name} answered ${response.status}`);
    return (await response.json()) as T;
  };
  const [state, circuits, limiter] = await Promise.all([
    page<{ configuration: ConfigurationStatus; openRequests: number }>('state'),
    page<{
      circuits: CircuitStatus[];
      gates: GateStatus[];
      transitions: Transition[];
      stats: CircuitNumbers[];
    }>('circuits'),
    page<{ stats: LimitNumbers[] }>('rate_limiter'),
  ]);
  const { stats: circuitNumbers, ...rest } = circuits;
  const { configuration, openRequests } = state;
  return { configuration, openRequests, ...rest, circuitNumbers, limits: limiter.stats };
}
