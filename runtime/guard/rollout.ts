import { INBOUND } from '../../contract/link.ts';
import { sorting } from './supported.ts';
import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import type { BulkheadSpec } from '../resilience/bulkhead.ts';

/** What is to be in force for one dependency. */
export interface Planned {
  bound: BulkheadSpec;
  limits: readonly Limit[];
  /** Absent: the defaults. */
  circuit: Circuit | undefined;
}

interface Entry {
  maxConcurrent: number | undefined;
  limits: Limit[] | undefined;
  circuit: Circuit | undefined;
  taken: boolean;
}

/** Bounds of a queue where the configuration names none. */
const QUEUE = { maxQueued: 100, acquireTimeoutMs: 5000 };

const NO_LIMITS: readonly Limit[] = [];

/** A configuration on its way into force, by what it wants of each dependency. */
export class Rollout {
  /** What is to be in force for requests of the agent's API. */
  readonly inbound: Planned;
  private readonly inboundLimits: Limit[] = [];
  private readonly content: Content;
  private readonly entries = new Map<string, Entry>();

  constructor(content: Content) {
    this.content = content;
    const bound = concurrency(content, content.bulkhead?.maxConcurrent);
    this.inbound = { bound, limits: this.inboundLimits, circuit: undefined };
  }

  /** Sorts the elements by dependency, one at each step. Everything else is to be asked afterwards. */
  sorting(): Generator<void, void> {
    const enter = ({ maxConcurrent }: { maxConcurrent?: number }, dependency: string): void => {
      const entry = { maxConcurrent, limits: undefined, circuit: undefined, taken: false };
      this.entries.set(dependency, entry);
    };
    return sorting(this.content, {
      endpoint: enter,
      tool: enter,
      mcpServer: enter,
      circuit: (circuit) => {
        const entry = this.entries.get(circuit.dependency);
        if (entry) entry.circuit = circuit;
      },
      limit: (limit) => {
        const entry = this.entries.get(limit.target);
        if (entry) (entry.limits ??= []).push(limit);
        else if (limit.target === INBOUND) this.inboundLimits.push(limit);
      },
    });
  }

  /** The dependencies that there are to be, in the order of the configuration. */
  names(): Iterable<string> {
    return this.entries.keys();
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /** What is to be put in force for a dependency, once; undefined afterwards. */
  take(name: string): Planned | undefined {
    const entry = this.entries.get(name);
    if (entry === undefined || entry.taken) return undefined;
    entry.taken = true;
    const { maxConcurrent, limits = NO_LIMITS, circuit } = entry;
    return { bound: concurrency(this.content, maxConcurrent), limits, circuit };
  }
}

/** How many may pass at a time, and how long others may wait for that. */
export function concurrency({ bulkhead }: Pick<Content, 'bulkhead'>, max = Infinity): BulkheadSpec {
  const { maxQueued, acquireTimeoutMs } = bulkhead ?? QUEUE;
  return { maxConcurrent: max, maxQueued, acquireTimeoutMs };
}
