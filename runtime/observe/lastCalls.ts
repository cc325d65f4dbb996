import type { Outcome } from '../resilience/outcome.ts';

/** The last call of a dependency that says something about it. */
export interface LastCall {
  ok: boolean;
  /** RFC 3339. */
  time: string;
}

/** When each dependency was called last and how it went, known from the calls that are made anyway. */
export class LastCalls {
  readonly #date: () => Date;
  readonly #last = new Map<string, { ok: boolean; at: number }>();

  /** `date` is the wall clock. */
  constructor(date: () => Date) {
    this.#date = date;
  }

  /** A call has ended. One that says nothing about the dependency changes nothing. */
  record(dependency: string, { vote }: Outcome): void {
    if (vote === 'ignored') return;
    this.#last.set(dependency, { ok: vote === 'ok', at: this.#date().getTime() });
  }

  of(dependency: string): LastCall | undefined {
    const last = this.#last.get(dependency);
    return last && { ok: last.ok, time: new Date(last.at).toISOString() };
  }

  /** Forgets all but these. */
  retain(dependencies: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!dependencies.has(name)) this.#last.delete(name);
  }
}
