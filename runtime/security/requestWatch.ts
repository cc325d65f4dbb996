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
  /** Ids of the request in log lines. */
  ids(): { requestId: string; traceId?: string; conversation?: string };
  /** Address of the client. */
  source: string | undefined;
}

/** Detections by the reason for which the agent refused a request. */
const REASONS: Readonly<Record<string, RequestDetection>> = {
  RateLimited: {
    type: 'LimitAbuse',
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
  type: 'FailedAuthentication',
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
  }

  unidentified(failure: { reason: string; message: string }): void {
    const detection = UNIDENTIFIED[failure.reason];
    if (detection) this.detected(detection);
    this.#next.unidentified(failure);
  }

  denied(refusal: DeniedRequest): void {
    const { asset, resource } = refusal;
    // Leaves out the name of a model, because clients can invent names.
    const { type } = resource;
    const named = type === 'tool' || type === 'route' ? resource : { type, name: 'any' };
    this.detected({
      type: 'AuthorizationDenied',
      asset,
      denied: true,
      resource: named,
      evidence: 'The client asked for what spec.auth.clients does not allow it.',
    });
    this.#next.denied(refusal);
  }

  reserve(): (() => void) | undefined {
    return this.#next.reserve();
  }

  toolCalled(call: EndedCall): void {
    this.#next.toolCalled(call);
    const { misuse, name } = call;
    if (misuse === undefined) return;
    this.detected({
      type: 'ToolMisuse',
      form: misuse,
      asset: 'Tools',
      denied: true,
      resource: { type: 'tool', name },
      evidence:
        misuse === 'EgressRefused'
          ? 'The model had a tool call an address that it must not reach.'
          : 'The model gave a tool arguments that it does not take.',
    });
  }

  detected(detection: RequestDetection): void {
    const { source } = this.#deps;
    this.#deps.report({ ...detection, ...this.#deps.ids(), client: this.#client, source });
  }

  ended(end: EndedRequest): void {
    this.#next.ended(end);
    const detection = REASONS[end.reason];
    if (detection) this.detected(detection);
    const tokens = (end.inputTokens ?? 0) + (end.outputTokens ?? 0);
    if (tokens === 0 || !this.#client) return;
    if (!this.#deps.isUnusual(this.#client, tokens)) return;
    this.detected({
      type: 'AnomalousSpend',
      asset: 'Budget',
      denied: false,
      evidence: 'The client takes many times the tokens of its last hours.',
    });
  }
}
