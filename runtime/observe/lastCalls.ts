import type { Outcome } from '../resilience/outcome.ts';

/** The last call that says something about a dependency. */
export interface LastCall {
  ok: boolean;
  /** RFC 3339. */
  time: string;
}

/** Time and result of the last call of each dependency. No extra call is made for it. */
export class LastCalls {
  readonly #date: () => Date;
  readonly #last = new Map<string, { ok: boolean; at: number }>();

  /** `date` is the wall clock. */
  constructor(date: () => Date) {
    this.#date = date;
  }

  /** Records a call. One that says nothing about the dependency changes nothing. */
  record(dependency: string, { vote }: Outcome): void {
    if (vote === 'ignored') return;
    this.#last.set(dependency, { ok: vote === 'ok', at: this.#date().getTime() });
  }

  of(dependency: string): LastCall | undefined {
    const last = this.#last.get(dependency);
    return last && { ok: last.ok, time: new Date(last.at).toISOString() };
  }

  /** Forgets all other dependencies. */
  retain(dependencies: ReadonlySet<string>): void {
    for (const name of this.#last.keys()) if (!dependencies.has(name)) this.#last.delete(name);
  }
}
