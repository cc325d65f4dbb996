import type { Content, Endpoint } from '../../../contract/generated/types.ts';
import type { RemoteContext } from '../../../tracing/span.ts';
import type { Remaining } from '../../guard/admission.ts';
import type { Protocol, RequestMembers } from '../../protocols/protocol.ts';
import type { RequestSize } from '../../protocols/usage.ts';
import type { RawHeaders } from '../transport/headers.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';
import type { Credentials } from './credentials.ts';

/** How the endpoints of one provider are asked, and what their answers say of them. A protocol says what is asked. */
export interface Provider {
  /** What keeps a request from an endpoint; undefined if it takes the request. */
  obstacle(asked: AskedRequest, endpoint: Endpoint): Obstacle | undefined;
  /** The request on the wire. Keeps every byte of the body that need not differ. */
  request(request: EndpointRequest, to: EndpointTarget, context?: RemoteContext): UpstreamRequest;
  /** Headers that sign one attempt. Absent: the credentials are a header of the request. */
  sign?(request: UpstreamRequest, to: EndpointTarget, date: Date): string[];
  /** What an error answer says; undefined if every endpoint would give it. */
  error(answer: ErrorAnswer): ErrorKind | undefined;
  /** An error answer as clients see it. Absent: they see it unchanged. */
  shown?(answer: HeldError, kind: ErrorKind | undefined): HeldError;
  /** The limits that an answer states. `now`: the wall clock. */
  limits(headers: RawHeaders, now: () => Date): readonly Remaining[];
}

/** Why an endpoint is passed over: it lacks the route, the model or a beta, or the body is too large for it. */
export type Obstacle = 'Route' | 'Model' | 'Size' | 'Beta';

/** The parts of a request that decide whether an endpoint takes it. */
export type AskedRequest = Pick<
  EndpointRequest,
  'method' | 'expected' | 'headers' | 'body' | 'model'
>;

export type ErrorKind =
  | 'RateLimited'
  | 'SpendLimit'
  | 'CredentialRefused'
  | 'Overloaded'
  | 'ServerError'
  /** Another endpoint may have the model. */
  | 'ModelMissing'
  /** Another endpoint may have room for the prompt. */
  | 'PromptTooLong'
  /** Another endpoint may have what this one refuses, such as a beta. */
  | 'FeatureRefused';

export interface ErrorAnswer {
  status: number;
  headers: RawHeaders;
  body: Buffer;
}

/** An error answer that was read and not passed on. */
export interface HeldError {
  status: number;
  statusText: string;
  headers: string[];
  body: Buffer;
}

/** Form of a good answer: a message, streamed or not; other JSON; or anything. */
export type Expected = 'Message' | 'Json' | 'Any';

/** A request of a client to one of the model's endpoints. */
export interface EndpointRequest {
  content: Pick<Content, 'telemetry'>;
  method: string;
  /** Path and query of the client's protocol, such as /v1/messages. */
  path: string;
  protocol: Protocol;
  expected: Expected;
  /** The client's headers, which may hold its own credential. */
  headers: RawHeaders;
  /** Empty for a GET, and once no further attempt can follow. */
  body: Buffer;
  /** Model as the client names it; empty without one. */
  model: string;
  size: RequestSize;
  /** The bound of output tokens in the body; absent if it has no valid one. */
  maxTokens?: number | undefined;
  /** Where members are in the body; absent if it goes unchanged. */
  members?: RequestMembers | undefined;
  /** Whether the client asked for a stream. */
  stream: boolean;
  /** Asks for the usage of the stream, which the client does not get. */
  addsUsage?: boolean | undefined;
}

/** An identity of the agent at a cloud. */
export interface TargetIdentity {
  /** How far the clock of the cloud is ahead of ours, in milliseconds. */
  readonly aheadMs: number;
}

/** The endpoint of an attempt, with its credentials. */
export interface EndpointTarget {
  endpoint: Endpoint;
  /** The endpoint's own; absent: the client's pass on. */
  credentials?: Credentials | undefined;
  /** Whose credentials they are; absent: a Secret's or the client's. */
  identity?: TargetIdentity | undefined;
  /** The agent's own headers. Each replaces the client's of the same name. */
  headers?: readonly [string, string][] | undefined;
}
