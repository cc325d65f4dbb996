import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import { gravity, typesNow } from '../../../contract/incidents.ts';
import type { Failure } from '../../errors/failure.ts';
import { Bucket } from '../../resilience/bucket.ts';
import type { Incident, DetectedClient, Detection } from './incident.ts';
import { networkOf } from './networkOf.ts';

/** A rule for the origin of an incident. */
export interface ResponseRule {
  /** Also by names of an earlier version. Absent: all. */
  types?: readonly string[];
  /** Lowest level that it applies to. */
  minLevel: IncidentLevel;
  /** Report, Throttle or Block. Unknown: Report. */
  action: string;
  durationMs: number;
  requestsPerMinute: number;
  /** Duration or Closed. Unknown: Duration. */
  lift: string;
}

/** A response in force for one client or address. */
export interface ResponseInForce {
  action: 'Throttle' | 'Block';
  /** Absent: the client is unknown, and the response is for its address. */
  client?: string | undefined;
  source?: string | undefined;
  /** Milliseconds since 1970. */
  since: number;
  /** Milliseconds since 1970; absent: until the incident closes. */
  until?: number;
  /** Cause of the response. */
  incident: Readonly<Incident>;
}

interface Hold extends ResponseInForce {
  rule: ResponseRule;
  /** Monotonic, in milliseconds. */
  deadline: number;
  bucket?: Bucket;
}

export interface ResponsesDeps {
  /** Monotonic clock in milliseconds. */
  now(): number;
  /** Wall clock, in milliseconds. */
  time(): number;
  /** Whether an incident is open. */
  isOpen(incident: Readonly<Incident>): boolean;
}

const MINUTE_MS = 60_000;
/** Number of holds to check for expiry whenever a new one begins. */
const MAX_SWEPT = 8;

/** Throttles or blocks clients, and addresses of unknown clients. Each check takes constant time. */
export class Responses {
  readonly #deps: ResponsesDeps;
  readonly #holds = new Map<string, Hold>();
  #rules: readonly ResponseRule[] = [];
  #rulesText = '[]';
  #maxHolds = 0;
  #version = 0;

  constructor(deps: ResponsesDeps) {
    this.#deps = deps;
  }

  /** Number of held clients and addresses. */
  get size(): number {
    return this.#holds.size;
  }

  /** Grows with each change, so that reports contain only changes. */
  get version(): number {
    this.#sweep(this.#deps.now(), Infinity);
    return this.#version;
  }

  /** Responses in force: strictest first, then by the gravest incident. */
  inForce(): ResponseInForce[] {
    this.#sweep(this.#deps.now(), Infinity);
    return [...this.#holds.values()].sort(strictestFirst);
  }

  /** Numbers of responses in force. */
  byAction(): Record<ResponseInForce['action'], number> {
    this.#sweep(this.#deps.now(), Infinity);
    const numbers = { Throttle: 0, Block: 0 };
    for (const { action } of this.#holds.values()) numbers[action] += 1;
    return numbers;
  }

  /** Applies rules. A change lifts all responses in force. */
  apply(rules: readonly ResponseRule[], maxHolds: number): void {
    const text = JSON.stringify(rules);
    if (text !== this.#rulesText) this.#clear();
    this.#rules = rules.map((rule) =>
      rule.types ? { ...rule, types: rule.types.flatMap(typesNow) } : rule,
    );
    this.#rulesText = text;
    this.#maxHolds = maxHolds;
  }

  #clear(): void {
    this.#holds.clear();
    this.#version += 1;
  }

  /** Begins the response to an incident that opened or rose. */
  begin(incident: Readonly<Incident>, detection: Detection): void {
    const rule = this.#ruleOf(incident.type, incident.level);
    // An incident with many origins has no single client or address to hold.
    const single = incident.client !== undefined || incident.source !== undefined;
    const key = single ? keyOf(detection) : undefined;
    if (!rule || key === undefined) return;
    const now = this.#deps.now();
    this.#sweep(now, MAX_SWEPT);
    this.#endIfOver(key, now);
    const known = this.#holds.get(key);
    if (!known && this.#holds.size >= this.#maxHolds) return;
    const time = this.#deps.time();
    this.#holds.set(key, holdOf(rule, { incident, detection, known, now, time }));
    this.#version += 1;
  }

  /** The refusal of a client's request; undefined if it may proceed. Takes a token of a throttled client. */
  client({ authentication, id }: DetectedClient): Failure | undefined {
    return this.#holds.size === 0 ? undefined : this.#refusal(clientKey(authentication, id));
  }

  /** The refusal of a request from the address of an unknown client. */
  source(address: string | undefined): Failure | undefined {
    if (this.#holds.size === 0 || address === undefined) return undefined;
    return this.#refusal(sourceKey(address));
  }

  #refusal(key: string): Failure | undefined {
    const now = this.#deps.now();
    this.#endIfOver(key, now);
    const hold = this.#holds.get(key);
    if (!hold) return undefined;
    const { bucket, deadline } = hold;
    if (!bucket) return blocked(deadline - now);
    const waitMs = bucket.wait(1, now);
    if (waitMs > 0) return throttled(waitMs);
    bucket.settle(bucket.take(1, now), 1, now);
    return undefined;
  }

  #isOver({ deadline, rule, incident }: Hold, now: number): boolean {
    return now >= deadline || (rule.lift === 'Closed' && !this.#deps.isOpen(incident));
  }

  #endIfOver(key: string, now: number): void {
    const hold = this.#holds.get(key);
    if (!hold || !this.#isOver(hold, now)) return;
    this.#holds.delete(key);
    this.#version += 1;
  }

  /** Removes expired holds among the `count` oldest. */
  #sweep(now: number, count: number): void {
    let looks = count;
    for (const key of this.#holds.keys()) {
      if (looks-- === 0) return;
      this.#endIfOver(key, now);
    }
  }

  #ruleOf(type: IncidentType, level: IncidentLevel): ActiveRule | undefined {
    const rule = this.#rules.find(
      ({ types, minLevel }) =>
        (types?.includes(type) ?? true) && gravity(level) >= gravity(minLevel),
    );
    return rule && isActive(rule) ? rule : undefined;
  }
}

type ActiveRule = ResponseRule & { action: ResponseInForce['action'] };

function isActive(rule: ResponseRule): rule is ActiveRule {
  return rule.action === 'Throttle' || rule.action === 'Block';
}

interface Begun {
  incident: Readonly<Incident>;
  detection: Detection;
  /** The hold in force for the same client. */
  known: Hold | undefined;
  now: number;
  time: number;
}

/** A throttled client keeps its bucket. */
function holdOf(rule: ActiveRule, { incident, detection, known, now, time }: Begun): Hold {
  const { action, requestsPerMinute: amount } = rule;
  const durationMs = rule.lift === 'Closed' ? Infinity : rule.durationMs;
  const hold: Hold = {
    ...{ action, rule, incident },
    ...(isKnown(detection.client) ? { client: incident.client } : { source: incident.source }),
    since: known?.action === action ? known.since : time,
    ...(durationMs < Infinity && { until: time + durationMs }),
    deadline: now + durationMs,
  };
  if (action !== 'Throttle') return hold;
  const spec = { amount, perMs: MINUTE_MS, capacity: amount };
  return { ...hold, bucket: known?.bucket ?? new Bucket(spec, now) };
}

/** Whether the client is distinguishable at its address. */
function isKnown(client: DetectedClient | undefined): client is DetectedClient {
  return client !== undefined && client.authentication !== 'None';
}

function keyOf({ client, source }: Detection): string | undefined {
  if (isKnown(client)) return clientKey(client.authentication, client.id);
  return source === undefined ? undefined : sourceKey(source);
}

function strictestFirst(a: ResponseInForce, b: ResponseInForce): number {
  const block = ({ action }: ResponseInForce): number => (action === 'Block' ? 1 : 0);
  return (
    block(b) - block(a) ||
    gravity(b.incident.level) - gravity(a.incident.level) ||
    b.since - a.since
  );
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
