import { EventEmitter } from 'node:events';
import type {
  CircuitStatus,
  ConfigurationStatus,
  GateStatus,
  HealthCheckStatus,
} from '../contract/generated/types.ts';
import type { HandlerEnd, Phase } from './api/lifecycle.ts';
import type { Forwarded } from './peers/connections.ts';
import type { Ended } from './exchange/response.ts';
import type { LookupResult } from './cache/cachingCaller.ts';
import type { TierName } from './cache/tieredCache.ts';
import type { Offer } from './control/configuration.ts';
import type { ToolStatus } from './conversations/agent.ts';
import type { GuardListener } from './guard/guardListener.ts';
import type { ModelCall } from './model/caller.ts';
import type { Cloud } from './model/identity/identities.ts';
import type { Refresh } from './model/identity/identity.ts';
import type { Retry } from './model/nextAttempt.ts';
import type { PassedOver } from './model/pool/pool.ts';
import type { Fallback, RoutedRequest } from './model/pool/route.ts';
import type { Outcome } from './resilience/outcome.ts';
import type { Detection, Incident } from './security/incidents/incident.ts';

/** What happens in the process: the arguments of each event. */
export interface RuntimeEvents {
  transition: Parameters<NonNullable<GuardListener['transition']>>;
  gate: [GateStatus];
  /** A limit began to turn calls down. */
  limit: Parameters<NonNullable<GuardListener['limit']>>;
  /** An override began, or ended: there is no state. */
  override: [Parameters<NonNullable<GuardListener['reset']>>[0], CircuitStatus['overridden']];
  reset: Parameters<NonNullable<GuardListener['reset']>>;
  /** The store of limits went down, with the reason, or came back. */
  limitStore: [up: boolean, reason?: string];
  attempt: [ModelCall];
  retry: [Retry, Pick<RoutedRequest, 'chat'>];
  /** A call went to an endpoint other than the preferred one. */
  fallback: [Fallback, Pick<RoutedRequest, 'chat'>];
  /** A request passed over an endpoint that cannot take it. */
  passedOver: [PassedOver];
  /** A request of a session was sent. `atItsEndpoint`: to the endpoint that holds its cache. */
  session: [atItsEndpoint: boolean];
  cacheLookup: [TierName | 'none', LookupResult, Pick<RoutedRequest, 'chat'>];
  toolCall: [tool: string, ToolStatus, seconds: number];
  /** A call of a tool or MCP server ended. */
  toolOutcome: [dependency: string, Outcome];
  detection: [Detection];
  /** An incident opened, or its level rose. */
  incident: [Readonly<Incident>, Detection, 'Opened' | 'Raised'];
  requestEnded: [route: string, Ended, seconds: number];
  /** A request was forwarded to a sibling. */
  forwarded: [Forwarded];
  /** A configuration was offered. */
  configuration: [Offer, ConfigurationStatus];
  /** A conversation expired. `keep` hears of work to do before the conversation is forgotten. */
  expired: [id: string, keep: (kept: Promise<void>) => void];
  phase: [Phase, openRequests: number];
  /** A handler of the shutdown ended. */
  handler: [name: string, HandlerEnd, error: unknown];
  /** A health check began to pass or to fail. */
  healthCheck: [HealthCheckStatus];
  /** An exchange of an identity has ended. */
  identityRefresh: [Cloud, Refresh];
  /** Spans have ended. */
  spans: [result: string, count: number];
}

/** Parts publish what happened; logs, metrics, audit, incidents, traces and reports subscribe. */
export class Events {
  readonly #emitter = new EventEmitter();

  on<K extends keyof RuntimeEvents>(event: K, listener: (...args: RuntimeEvents[K]) => void): void {
    this.#emitter.on(event, listener as (...args: unknown[]) => void);
  }

  emit<K extends keyof RuntimeEvents>(event: K, ...args: RuntimeEvents[K]): void {
    this.#emitter.emit(event, ...args);
  }
}
