import type { Performance as Answer, Tasks as Body } from '../../contract/generated/program.ts';
import { Performance } from '../observe/performance.ts';
import type { OperationSummary, PerformanceDeps } from '../observe/performance.ts';
import { checked } from './checks.ts';
import type { LocalRoutes } from './localServer.ts';

export interface TasksDeps extends PerformanceDeps {
  /** Performance of the agent itself. */
  agent: Pick<Performance, 'summary'>;
}

/** Instances of the program that the pod remembers. */
export const PROGRAM_INSTANCES = 16;

/** A place of a task in the guides' order of agents. */
interface Ranked {
  name: string;
  score: number;
  successPercent: number;
  averageMs: number;
}

/** The tasks of the program, as its `track` tells of them. */
export class Tasks {
  readonly #deps: TasksDeps;
  /** Tasks count as its tools, so that their names have the same bound. */
  readonly #performance: Performance;
  /** Tasks under way by instance, the least recent one first. */
  readonly #running = new Map<string, Readonly<Record<string, number>>>();

  constructor(deps: TasksDeps) {
    this.#deps = deps;
    this.#performance = new Performance(deps);
  }

  summaries(): Record<string, OperationSummary & { running?: number }> {
    const running = this.#runningByName();
    const { tools } = this.#performance.summary();
    return Object.fromEntries(
      Object.entries(tools).map(([name, summary]) => {
        const count = running.get(name);
        return [name, { ...summary, ...(count !== undefined && { running: count }) }];
      }),
    );
  }

  /** Tasks by the guides' score: share of successes ÷ (average in seconds + 1). */
  ranking(): Ranked[] {
    return Object.entries(this.#performance.summary().tools)
      .map(([name, { successPercent, averageMs }]) => ({
        ...{ name, successPercent, averageMs },
        score: successPercent / 100 / (averageMs / 1000 + 1),
      }))
      .sort((a, b) => b.score - a.score);
  }

  routes(): LocalRoutes {
    return {
      'POST /v1/tasks': {
        answer: (_, bytes) => {
          const given = checked('Tasks', bytes);
          if ('failure' in given) return given;
          this.#record(given.body);
          return { json: { recorded: given.body.tasks.length } };
        },
      },
      'GET /v1/performance': { answer: () => ({ json: this.#answer() }) },
    };
  }

  #record({ tasks, instance = '', running }: Body): void {
    for (const { name, ms, error } of tasks) {
      this.#performance.record('tool', ms, error === undefined ? 'ok' : { failed: error }, name);
    }
    if (running === undefined) return;
    this.#running.delete(instance);
    this.#running.set(instance, running);
    const [oldest] = this.#running.keys();
    if (this.#running.size > PROGRAM_INSTANCES && oldest !== undefined)
      this.#running.delete(oldest);
  }

  #runningByName(): Map<string, number> {
    const sums = new Map<string, number>();
    for (const running of this.#running.values()) {
      for (const [name, count] of Object.entries(running)) {
        sums.set(name, (sums.get(name) ?? 0) + count);
      }
    }
    return sums;
  }

  #answer(): Answer {
    const { uptimeSeconds, operations, endpoints, tools } = this.#deps.agent.summary();
    return {
      time: this.#deps.date().toISOString(),
      ...{ uptimeSeconds, operations: { ...operations }, endpoints, tools },
      tasks: this.summaries(),
      ranking: this.ranking(),
    };
  }
}
