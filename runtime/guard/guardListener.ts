import type {
  CircuitStatus,
  GateStatus,
  LimitStatus,
  Transition,
} from '../../contract/generated/types.ts';

/** A dependency whose circuit an operator's order changed. */
export interface CircuitOrder {
  dependency: string;
  policy: string | undefined;
}

/** Hears what happens in a guard. Its functions must not throw and must not apply a configuration. */
export interface GuardListener {
  /** A circuit changed its state. `circuit`: as it is after that. */
  transition?(transition: Transition, circuit: CircuitStatus): void;
  /** The gate of a dependency shut or opened, or its time changed. */
  gate?(status: GateStatus): void;
  /** A limit began to turn calls down. */
  limit?(limit: Pick<LimitStatus, 'target' | 'policy' | 'name'>): void;
  /** An override began, or ended: `state` is undefined. */
  override?(order: CircuitOrder, state: CircuitStatus['overridden']): void;
  /** A changed reset token closed circuits. */
  reset?(order: CircuitOrder): void;
  /** The store of limits went down, with the reason, or came back. */
  limitStore?(up: boolean, reason?: string): void;
}
