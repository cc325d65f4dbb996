import type {
  CircuitStatus,
  ConfigurationStatus,
  GateStatus,
  LimitStatus,
  Transition,
} from '../../contract/generated/types.ts';

/** A circuit with its counts, from the runtime's debug port. */
export interface CircuitState extends CircuitStatus {
  requests: number;
  rejected: number;
  failures: Record<string, number>;
}

/** A limit, from the runtime's debug port. */
export interface LimitState extends LimitStatus {
  requests: number;
  tokens: number;
}

/** State of a runtime. */
export interface AgentState {
  configuration: ConfigurationStatus;
  openRequests: number;
  circuits: CircuitState[];
  gates: GateStatus[];
  transitions: Transition[];
  limits: LimitState[];
}

/** Reads the state from a runtime's debug port. Rejects without an answer. */
export async function askState(debugUrl: string): Promise<AgentState> {
  const page = async <T>(name: string): Promise<T> => {
    const response = await fetch(`${debugUrl}/debug/${name}`);
    if (!response.ok) throw new Error(`/debug/${name} answered ${response.status}`);
    return (await response.json()) as T;
  };
  const [{ configuration, openRequests }, { circuits, gates, transitions }, { limits }] =
    await Promise.all([
      page<Pick<AgentState, 'configuration' | 'openRequests'>>('state'),
      page<Pick<AgentState, 'circuits' | 'gates' | 'transitions'>>('circuits'),
      page<Pick<AgentState, 'limits'>>('rate_limiter'),
    ]);
  return { configuration, openRequests, circuits, gates, transitions, limits };
}
