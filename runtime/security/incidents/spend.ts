/** When a client's tokens of one hour are unusual. */
export interface SpendSpec {
  /** Factor over the mean of the client's earlier hours. */
  factor: number;
  /** Number of hours in the mean; hours without tokens do not count. */
  hours: number;
  /** Least number of tokens. */
  minTokens: number;
  /** Largest number of clients. Evicts the one seen longest ago. */
  maxClients: number;
}

interface Spender {
  /** Number of the current hour. */
  hour: number;
  tokens: number;
  /** Tokens by the number of the hour modulo the length. */
  before: Float64Array;
  /** Tokens that cause the next detection; undefined without earlier hours. */
  due: number | undefined;
}

const HOUR_MS = 3_600_000;

/** Compares each client's tokens of an hour with its own last hours. */
export class Spend {
  readonly #spenders = new Map<string, Spender>();
  #spec: SpendSpec | undefined;

  apply(spec: SpendSpec | undefined): void {
    const { factor, hours, minTokens } = this.#spec ?? {};
    this.#spec = spec;
    if (hours !== spec?.hours) this.#spenders.clear();
    if (factor === spec?.factor && minTokens === spec?.minTokens) return;
    for (const spender of this.#spenders.values()) spender.due = this.#dueOf(spender);
  }

  /**
   * Adds tokens. Whether to report a detection: at the first tokens beyond the bound, and at each doubling. `now` in
   * milliseconds.
   */
  add(client: string, tokens: number, now: number): boolean {
    if (!this.#spec) return false;
    const spender = this.#spenderOf(client, Math.floor(now / HOUR_MS), this.#spec);
    spender.tokens += tokens;
    if (spender.due === undefined || spender.tokens < spender.due) return false;
    while (spender.due <= spender.tokens) spender.due *= 2;
    return true;
  }

  #spenderOf(client: string, hour: number, { hours, maxClients }: SpendSpec): Spender {
    let spender = this.#spenders.get(client);
    if (spender) this.#spenders.delete(client);
    else {
      spender = { hour, tokens: 0, before: new Float64Array(hours), due: undefined };
      for (const oldest of this.#spenders.keys()) {
        if (this.#spenders.size < maxClients) break;
        this.#spenders.delete(oldest);
      }
    }
    this.#spenders.set(client, spender);
    if (spender.hour !== hour) this.#turn(spender, hour);
    return spender;
  }

  /** Begins another hour. */
  #turn(spender: Spender, hour: number): void {
    const { before } = spender;
    const passed = Math.min(hour - spender.hour, before.length + 1);
    for (let i = 1; i < passed; i += 1) before[(hour - i) % before.length] = 0;
    if (passed <= before.length) before[spender.hour % before.length] = spender.tokens;
    spender.hour = hour;
    spender.tokens = 0;
    spender.due = this.#dueOf(spender);
  }

  #dueOf({ before }: Spender): number | undefined {
    if (!this.#spec) return undefined;
    const active = before.filter((tokens) => tokens > 0);
    if (active.length === 0) return undefined;
    const mean = active.reduce((sum, tokens) => sum + tokens, 0) / active.length;
    return Math.max(this.#spec.minTokens, mean * this.#spec.factor);
  }
}
