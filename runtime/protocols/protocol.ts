import type { ScannedObject, Span } from '../json/scan.ts';

/** What the protocol of a request means on the wire. Requests carry theirs, and nothing else knows its members. */
export interface Protocol {
  /** Its routes, for people. */
  readonly served: string;
  /** The route of a request; undefined for other paths. */
  route(method: string | undefined, path: string): ModelRoute | undefined;

  /** The members that decide how a request is handled. Nothing else of it is read. */
  readonly members: ReadonlySet<string>;
  /** Reads a request for a message or a count of tokens. A text says what is wrong with it. */
  read(body: Buffer, scanned: ScannedObject, route: ModelRoute): RequestFacts | string;
  /** The body with the endpoint's own model and bound of output tokens. */
  bodyFor(request: SentRequest, endpoint: EndpointBounds): Buffer;
  /** How long the provider keeps the prompt. */
  cacheUse(body: Buffer): CacheUse;
  /** The texts that all turns of a session begin with, by their place; undefined without any. */
  promptTexts(body: Buffer, members: RequestMembers): string[][] | undefined;
  /** The parts of a request to screen; undefined without messages. A text says why it cannot be read. */
  newestTurn(body: Buffer, members: RequestMembers): NewestTurn | string | undefined;
}

/** A route of a protocol. */
export interface ModelRoute {
  protocol: Protocol;
  /** As metrics name it. */
  route: string;
  asks: 'Message' | 'Count' | 'Models';
}

/** Where members of a request are in its body, by name. */
export type RequestMembers = ReadonlyMap<string, Span>;

/** What the body of a request says. */
export interface RequestFacts {
  /** Model as the client names it; empty without one. */
  model: string;
  stream: boolean;
  size: RequestSize;
  /** The stated bound of output tokens, if it is valid. */
  maxTokens?: number | undefined;
}

/** The parts of a request that decide the estimate of its tokens. */
export interface RequestSize {
  /** Bytes of the request without base64 sources. */
  textBytes: number;
  /** Tokens of its images and documents. */
  mediaTokens: number;
  /** The stated bound of output tokens, or a default. */
  maxTokens: number;
  /** Part of them that the request reserves for thinking. Absent: none. */
  thinkingTokens?: number | undefined;
}

/** Size of a request that neither produces nor counts tokens. */
export const NO_TOKENS: RequestSize = { textBytes: 0, mediaTokens: 0, maxTokens: 0 };

export interface SentRequest {
  body: Buffer;
  /** Absent if the body goes unchanged. */
  members?: RequestMembers | undefined;
  size: RequestSize;
  maxTokens?: number | undefined;
}

export interface EndpointBounds {
  model?: string | undefined;
  maxTokens?: number | undefined;
}

/** Long: the request asks for the provider's longer lifetime. */
export type CacheUse = 'None' | 'Usual' | 'Long';

/** The parts of a request that are screened. */
export interface NewestTurn {
  /** Texts since the last answer of the model, in order. */
  texts: SaidText[];
  /** Tools that the model asked for since a user's last message, in order. */
  tools: AskedTool[];
}

export interface SaidText {
  kind: 'UserInput' | 'ToolResults' | 'Documents';
  text: string;
}

export interface AskedTool {
  name: string;
  input: unknown;
}
