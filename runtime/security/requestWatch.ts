import type {
  DeniedRequest,
  EndedCall,
  EndedRequest,
  KnownClient,
  RequestListener,
} from '../observe/trace/requestListener.ts';
import type { RequestDetection, Detection } from './incidents/incident.ts';

export interface RequestWatchDeps {
  report(detection: Detection): void;
  /** Adds tokens of a client. Returns whether they are unusual. */
  isUnusual(client: KnownClient, tokens: number): boolean;
  /** Adds the address of a client. Returns whether its addresses are unusual. */
  isElsewhere(client: KnownClient, address: string): boolean;
  /** Id of the credential that the request shows; undefined if it shows none. */
  credential(): string | undefined;
  /** Ids of the request in log lines. */
  ids(): { requestId: string; traceId?: string; conversation?: string };
  /** Address of the client. */
  source: string | undefined;
}

/** Detections by the reason for which the agent refused a request. */
const REASONS: Readonly<Record<string, RequestDetection>> = {
  RateLimited: {
    type: 'RateLimitAbuse',
    asset: 'Availability',
    denied: true,
    evidence: 'A limit turned requests down.',
  },
  ...Object.fromEntries(
    ['InvalidRequest', 'TooLarge', 'HeadersTooLarge', 'RequestTimeout'].map((reason) => [
      reason,
      malformed(reason),
    ]),
  ),
};

const FAILED: Omit<RequestDetection, 'evidence'> = {
  type: 'BruteForceAttack',
  asset: 'Access',
  denied: true,
};

/** Detections by the reason for which the agent did not let a client in. */
const UNIDENTIFIED: Readonly<Record<string, RequestDetection>> = {
  Unauthorized: { ...FAILED, evidence: 'Credentials were not accepted.' },
  AuthThrottled: {
    ...FAILED,
    evidence: 'Credentials were not looked at, since many from this address were wrong.',
  },
};

/** Detection of input that is no valid request, or too large or too slow. */
function malformed(reason: string): RequestDetection {
  return {
    type: 'MalformedInput',
    asset: 'Availability',
    denied: true,
    evidence: `Input was refused: ${reason}.`,
  };
}

/** Detections of wrong calls of tools. */
const MISUSES: Readonly<Record<NonNullable<EndedCall['misuse']>, RequestDetection>> = {
  ArgumentsRefused: {
    ...{ type: 'ToolMisuse', asset: 'Tools', denied: true },
    evidence: 'The model gave a tool arguments that it does not take.',
  },
  EgressRefused: {
    ...{ type: 'DataExfiltration', asset: 'Tools', denied: true },
    evidence: 'The model had a tool call an address that it must not reach.',
  },
};

function deniedBy({
  resource: { type, name },
  continues,
  message,
}: DeniedRequest): Pick<RequestDetection, 'type' | 'evidence'> {
  if (type === 'conversation') {
    return { type: continues ? 'SessionHijacking' : 'PrivilegeEscalation', evidence: message };
  }
  // A model, and any route of the provider, needs more rights.
  const isAbove = type === 'model' || (type === 'route' && name === 'Provider');
  return {
    type: isAbove ? 'PrivilegeEscalation' : 'UnauthorizedAccess',
    evidence: 'The client asked for what spec.auth.clients does not allow it.',
  };
}

/** Watches one request for attacks, and passes every event on to `next`. */
export class RequestWatch implements RequestListener {
  readonly #next: RequestListener;
  readonly #deps: RequestWatchDeps;
  #client: KnownClient | undefined;

  constructor(next: RequestListener, deps: RequestWatchDeps) {
    this.#next = next;
    this.#deps = deps;
  }

  identified(client: KnownClient): void {
    this.#client = client;
    this.#next.identified(client);
    const { source } = this.#deps;
    if (client.name === undefined || source === undefined) return;
    if (!this.#deps.isElsewhere(client, source)) return;
    this.detected({
      ...{ type: 'AnomalousAccess', form: 'Addresses', asset: 'Access', denied: false },
      evidence: 'The client comes from many times the addresses of its last hours.',
    });
  }

  unidentified(failure: { reason: string; message: string }): void {
    const detection = UNIDENTIFIED[failure.reason];
    if (detection) this.#detected(detection, this.#deps.credential());
    this.#next.unidentified(failure);
  }

  denied(refusal: DeniedRequest): void {
    const { asset, resource } = refusal;
    const { type } = resource;
    // Leaves out the name of a model, because clients can invent names.
    const named = type === 'model' || type === 'request' ? { type, name: 'any' } : resource;
    this.detected({ ...deniedBy(refusal), asset, denied: true, resource: named });
    this.#next.denied(refusal);
  }

  reserve(): (() => void) | undefined {
    return this.#next.reserve();
  }

  toolCalled(call: EndedCall): void {
    this.#next.toolCalled(call);
    const { misuse, name } = call;
    if (misuse === undefined) return;
    this.detected({ ...MISUSES[misuse], form: misuse, resource: { type: 'tool', name } });
  }

  detected(detection: RequestDetection): void {
    this.#detected(detection);
  }

  #detected(detection: RequestDetection, credential?: string): void {
    const { source } = this.#deps;
    const client = this.#client;
    this.#deps.report({ ...detection, ...this.#deps.ids(), client, source, credential });
  }

  ended(end: EndedRequest): void {
    this.#next.ended(end);
    const detection = REASONS[end.reason];
    if (detection) this.detected(detection);
    const tokens = (end.inputTokens ?? 0) + (end.outputTokens ?? 0);
    if (tokens === 0 || !this.#client) return;
    if (!this.#deps.isUnusual(this.#client, tokens)) return;
    this.detected({
      ...{ type: 'AnomalousAccess', form: 'Tokens', asset: 'Budget', denied: false },
      evidence: 'The client takes many times the tokens of its last hours.',
    });
  }
}
