import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import { gravity } from '../../../contract/incidents.ts';
import type { Failure } from '../../errors/failure.ts';
import { Bucket } from '../../resilience/bucket.ts';
import type { Incident, SightedClient, Sighting } from './incident.ts';
import { networkOf } from './networkOf.ts';

/** What becomes of whom an incident is about. */
export interface ResponseRule {
  /** Absent: all. */
  types?: readonly string[];
  /** The lowest level that it is for. */
  minLevel: IncidentLevel;
  /** Report, Throttle or Block. Unknown: Report. */
  action: string;
  durationMs: number;
  requestsPerMinute: number;
  /** Duration or Closed. Unknown: Duration. */
  lift: string;
}

interface Hold {
  rule: ResponseRule;
  incident: Readonly<Incident>;
  /** Monotonic, in milliseconds. */
  until: number;
  bucket?: Bucket;
}

export interface ResponsesDeps {
  /** Monotonic clock in milliseconds. */
  now(): number;
  /** Whether an incident is open. */
  isOpen(incident: Readonly<Incident>): boolean;
}

const MINUTE_MS = 60_000;

/** Throttles or blocks clients, and addresses of clients that are not known. Each look takes constant time. */
export class Responses {
  readonly #deps: ResponsesDeps;
  readonly #holds = new Map<string, Hold>();
  #rules: readonly ResponseRule[] = [];
  #rulesText = '[]';
  #maxHolds = 0;

  constructor(deps: ResponsesDeps) {
    this.#deps = deps;
  }

  /** Clients and addresses that are held. */
  get size(): number {
    return this.#holds.size;
  }

  /** Other rules lift what is in force. */
  apply(rules: readonly ResponseRule[], maxHolds: number): void {
    const text = JSON.stringify(rules);
    if (text !== this.#rulesText) this.#holds.clear();
    this.#rules = rules;
    this.#rulesText = text;
    this.#maxHolds = maxHolds;
  }

  /** An incident was opened, or its level has risen. */
  begin(incident: Readonly<Incident>, sighting: Sighting): void {
    const rule = this.#ruleOf(incident.type, incident.level);
    // What has many origins has none that could be held.
    const single = incident.client !== undefined || incident.source !== undefined;
    const key = single ? keyOf(sighting) : undefined;
    if (!rule || key === undefined) return;
    const now = this.#deps.now();
    this.#sweep(now);
    const known = this.#holds.get(key);
    if (!known && this.#holds.size >= this.#maxHolds) return;
    this.#holds.set(key, holdOf(rule, incident, { known, now }));
  }

  /** Why a request of a client is refused; undefined when it is not. Takes a place of a throttled client. */
  client({ authentication, id }: SightedClient): Failure | undefined {
    return this.#holds.size === 0 ? undefined : this.#refusal(clientKey(authentication, id));
  }

  /** The same for an address, of a client that is not known. */
  source(address: string | undefined): Failure | undefined {
    if (this.#holds.size === 0 || address === undefined) return undefined;
    return this.#refusal(sourceKey(address));
  }

  #refusal(key: string): Failure | undefined {
    const hold = this.#holds.get(key);
    const now = this.#deps.now();
    if (!hold || this.#isOver(hold, now)) {
      this.#holds.delete(key);
      return undefined;
    }
    const { bucket, until } = hold;
    if (!bucket) return blocked(until - now);
    const waitMs = bucket.wait(1, now);
    if (waitMs > 0) return throttled(waitMs);
    bucket.settle(bucket.take(1, now), 1, now);
    return undefined;
  }

  #isOver({ until, rule, incident }: Hold, now: number): boolean {
    return now >= until || (rule.lift === 'Closed' && !this.#deps.isOpen(incident));
  }

  /** Forgets a few that are over, the oldest first. */
  #sweep(now: number): void {
    let looks = 8;
    for (const [key, hold] of this.#holds) {
      if (looks-- === 0) return;
      if (this.#isOver(hold, now)) this.#holds.delete(key);
    }
  }

  #ruleOf(type: IncidentType, level: IncidentLevel): ResponseRule | undefined {
    const rule = this.#rules.find(
      ({ types, minLevel }) =>
        (types?.includes(type) ?? true) && gravity(level) >= gravity(minLevel),
    );
    return rule?.action === 'Throttle' || rule?.action === 'Block' ? rule : undefined;
  }
}

/** A client that is throttled already keeps its bucket. */
function holdOf(
  rule: ResponseRule,
  incident: Readonly<Incident>,
  { known, now }: { known: Hold | undefined; now: number },
): Hold {
  const until = rule.lift === 'Closed' ? Infinity : now + rule.durationMs;
  if (rule.action !== 'Throttle') return { rule, incident, until };
  const { requestsPerMinute: amount } = rule;
  const spec = { amount, perMs: MINUTE_MS, capacity: amount };
  return { rule, incident, until, bucket: known?.bucket ?? new Bucket(spec, now) };
}

function keyOf({ client, source }: Sighting): string | undefined {
  if (client && client.authentication !== 'None')
    return clientKey(client.authentication, client.id);
  return source === undefined ? undefined : sourceKey(source);
}

const clientKey = (authentication: string, id: string): string => `client ${authentication} ${id}`;
const sourceKey = (address: string): string => `source ${networkOf(address)}`;

function blocked(forMs: number): Failure {
  return {
    reason: 'ClientBlocked',
    message: 'This client is blocked, because of a security incident.',
    ...(forMs < Infinity && { retryAfterMs: forMs }),
  };
}

function throttled(retryAfterMs: number): Failure {
  return {
    reason: 'ClientThrottled',
    message: 'This client is slowed down, because of a security incident.',
    retryAfterMs,
  };
}
