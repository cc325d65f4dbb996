import type { Hello, Report } from '../../contract/generated/types.ts';
import { CONTRACT_VERSION, MAX_HELLO_BYTES, REPORT_INTERVAL } from '../../contract/link.ts';
import { parseHello, parseReport, type Parsed } from '../../contract/validate.ts';
import type { Clock } from '../kube/clock.ts';
import type { ClientCredentials } from './authority.ts';
import type { Dial, LinkSocket, ProtocolError, SocketHandlers } from './dial.ts';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.ts';
import { mismatch, type ReviewedIdentity } from './identity.ts';
import type { HelloFacts } from './report.ts';
import type { ReportBudget } from './reportBudget.ts';
import type { PodTarget } from './target.ts';
import type { ReviewToken } from './tokenReviews.ts';

export type LinkState = 'Connecting' | 'Authenticating' | 'Connected' | 'Closed';

export type CloseReason =
  /** The pod accepted no connection. */
  | 'Unreachable'
  /** The pod accepted the connection and did not finish its handshake or hello in time. */
  | 'TimedOut'
  /** The peer is not the dialled pod. */
  | 'Refused'
  /** The API server could not review the token. */
  | 'ReviewFailed'
  /** The pod supports no common version of the contract. */
  | 'Incompatible'
  | 'Malformed'
  /** The pod exceeded its report budget. */
  | 'Excessive'
  /** The pod answered no ping. */
  | 'Silent'
  /** The connection was lost, or the pod closed it. */
  | 'Lost'
  /** The operator closed the link. */
  | 'Unwanted';

/** Why a link ended. The message contains nothing that the peer sent. */
export interface Closure {
  reason: CloseReason;
  message: string;
  /** The next step did not come in time. */
  timedOut?: boolean;
}

export interface LinkTiming {
  /** Time for the pod to accept the connection. */
  connectMs: number;
  /** Time for TLS, the WebSocket upgrade and the hello. */
  helloMs: number;
  /** Time for the token review, including the wait for other reviews. Exceeding it is no fault of the pod. */
  reviewMs: number;
  heartbeat: HeartbeatOptions;
  /** Time for the peer to answer a close before the connection is dropped. */
  closeMs: number;
}

export interface LinkEvents {
  /** The pod has accepted the connection. Call `handshake` to continue. */
  onReached(): void;
  /** The pod has proven its identity. */
  onConnected(hello: HelloFacts): void;
  onReport(report: Report): void;
  /** Called once, as the last event. */
  onClosed(closure: Closure): void;
}

export interface LinkOptions {
  target: PodTarget & { ip: string };
  credentials: ClientCredentials;
  dial: Dial;
  reviewToken: ReviewToken;
  /** Term to announce when the connection opens. */
  term: () => number;
  /** Interval at which the pod is to report figures; announced with the term. */
  reportEveryMs: () => number;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
  /** The pod's budget, shared by all its links. */
  budget: ReportBudget;
  timing: LinkTiming;
  events: LinkEvents;
}

/** Greatest number of messages that wait for a token review. Reading is paused, so few arrive. */
const MAX_WAITING = 64;

/** WebSocket close codes (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008;
const PROTOCOL_ERROR = 1002;

/** One connection to one pod, from dialling to its end. It is never reopened. */
export class Link {
  readonly #options: LinkOptions;
  readonly #heartbeat: Heartbeat;
  readonly #socket: LinkSocket;
  readonly #ended = new AbortController();
  #cancelDeadline: () => void = () => undefined;
  readonly #waiting: string[] = [];
  #counted = 0;
  #state: LinkState = 'Connecting';
  #helloSeen = false;
  #announced = -1;
  #reportEveryMs: number = REPORT_INTERVAL.leastMs;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { clock, timing } = options;
    this.#heartbeat = new Heartbeat(clock, timing.heartbeat, {
      ping: () => {
        if (this.#affords(0)) this.#socket.ping();
      },
      onSilence: () =>
        this.#fail('Silent', `nothing heard for ${timing.heartbeat.silenceMs} ms, pings included`),
    });
    const { namespace, name, ip, port } = options.target;
    const address = { namespace, name, ip, port };
    this.#expect(timing.connectMs, 'Unreachable', 'no connection');
    this.#socket = options.dial(address, options.credentials, this.#handlers());
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Continues after `onReached`. */
  handshake(): void {
    if (this.#state !== 'Connecting') return;
    this.#expect(this.#options.timing.helloMs, 'TimedOut', 'no valid hello');
    this.#socket.handshake();
  }

  /** Announces a term that is above the one announced before, or another interval of reports. */
  announce(term: number): void {
    if (this.#state === 'Connecting' || this.#state === 'Closed' || term < this.#announced) return;
    const reportEveryMs = this.#options.reportEveryMs();
    if (term === this.#announced && reportEveryMs === this.#reportEveryMs) return;
    this.#announced = term;
    this.#reportEveryMs = reportEveryMs;
    const slower = reportEveryMs > REPORT_INTERVAL.leastMs && { reportEveryMs };
    this.#socket.send(JSON.stringify({ type: 'Announce', term, ...slower }));
  }

  /** Sends a Configure message (as JSON) to a pod that has proven its identity. */
  send(configure: string): void {
    if (this.#state === 'Connected') this.#socket.send(configure);
  }

  /** Ends the link at once and drops unsent data. */
  drop(): void {
    if (this.#state === 'Closed') return;
    this.#end({ reason: 'Unwanted', message: 'the link is not wanted any more' });
    this.#socket.terminate();
  }

  #handlers(): SocketHandlers {
    return {
      onReached: () => this.#reached(),
      onOpen: () => this.#opened(),
      onMessage: (text) => this.#received(text),
      onPing: () => this.#affords(1),
      onPong: () => {
        if (this.#affords(1)) this.#heartbeat.heard();
      },
      onClose: (error, protocolError) => this.#lost(error, protocolError),
    };
  }

  #reached(): void {
    if (this.#state !== 'Connecting') return;
    this.#cancelDeadline();
    this.#options.events.onReached();
  }

  #opened(): void {
    if (this.#state !== 'Connecting') return;
    this.#state = 'Authenticating';
    const { random, timing, term } = this.#options;
    this.#heartbeat.start(random() * timing.heartbeat.intervalMs);
    this.announce(term());
  }

  #received(text: string | undefined): void {
    if (this.#state === 'Closed' || !this.#affords(1)) return;
    this.#heartbeat.heard();
    if (text === undefined) return this.#fail('Malformed', 'a message must be text, not binary');
    if (this.#state === 'Connected') return this.#report(text);
    if (!this.#helloSeen) return this.#hello(text);
    this.#waiting.push(text);
    if (this.#waiting.length > MAX_WAITING)
      this.#fail('Malformed', 'too much sent after the hello');
  }

  /** Charges the pod's budget with messages and with all bytes since the last call. Ends the link if the budget is exceeded. */
  #affords(messages: number): boolean {
    if (this.#state === 'Closed') return false;
    const bytes = this.#socket.received - this.#counted;
    this.#counted += bytes;
    const excess = this.#options.budget.spend(bytes, messages);
    if (excess !== undefined) this.#fail('Excessive', excess);
    return excess === undefined;
  }

  #hello(text: string): void {
    if (text.length > MAX_HELLO_BYTES) {
      return this.#fail('Malformed', `the hello is larger than ${MAX_HELLO_BYTES} bytes`);
    }
    const decoded = decode(text);
    if (!decoded.ok) return this.#fail('Malformed', decoded.problem);
    const message = decoded.value;
    const other = otherVersion(message);
    if (other !== undefined) {
      const problem = `the pod speaks version ${other} of the contract, not ${CONTRACT_VERSION}`;
      return this.#fail('Incompatible', problem);
    }
    const parsed = parseHello(message);
    if (!parsed.ok) return this.#fail('Malformed', `Hello: ${parsed.message}`);
    this.#helloSeen = true;
    this.#expect(this.#options.timing.reviewMs, 'ReviewFailed', 'no review of the token');
    this.#socket.pause();
    void this.#authenticate(parsed.value);
  }

  async #authenticate({ token, type: _type, ...facts }: Hello): Promise<void> {
    let identity: ReviewedIdentity | undefined;
    try {
      identity = await this.#options.reviewToken(token, this.#ended.signal);
    } catch {
      return this.#fail('ReviewFailed', 'the API server did not review the token');
    }
    if (this.#state !== 'Authenticating') return;
    const problem = mismatch(this.#options.target, facts, identity);
    if (problem !== undefined) return this.#fail('Refused', problem);
    this.#state = 'Connected';
    this.#cancelDeadline();
    this.#options.events.onConnected(facts);
    this.#socket.resume();
    for (const message of this.#waiting.splice(0)) this.#report(message);
  }

  #report(text: string): void {
    if (this.state !== 'Connected') return;
    const decoded = decode(text);
    if (!decoded.ok) return this.#fail('Malformed', decoded.problem);
    const parsed: Parsed<Report> = parseReport(decoded.value);
    if (parsed.ok) this.#options.events.onReport(parsed.value);
    else if (!parsed.unknownType) this.#fail('Malformed', parsed.message);
  }

  /**
   * Fails unless the next step is taken in time. The timer has two halves: after a stall of this process the second half
   * leaves time to handle events that came meanwhile.
   */
  #expect(ms: number, reason: CloseReason, what: string): void {
    const { clock } = this.#options;
    this.#cancelDeadline();
    this.#cancelDeadline = clock.after(ms / 2, () => {
      this.#cancelDeadline = clock.after(ms / 2, () =>
        this.#fail(reason, `${what} within ${ms} ms`, true),
      );
    });
  }

  /** The connection was closed by the peer or by this process. */
  #lost(error: string | undefined, protocolError: ProtocolError | undefined): void {
    const cut = this.#state === 'Connecting' ? 'Unreachable' : 'Lost';
    const reason = protocolError ? PROTOCOL_ERRORS[protocolError] : cut;
    this.#end({ reason, message: error ?? 'closed by the pod' });
  }

  #fail(reason: CloseReason, message: string, timedOut = false): void {
    if (this.#state === 'Closed') return;
    const connecting = this.#state === 'Connecting';
    this.#end({ reason, message, timedOut });
    if (connecting || reason === 'Silent' || reason === 'Excessive') {
      return this.#socket.terminate();
    }
    const code = reason === 'Malformed' ? PROTOCOL_ERROR : POLICY_VIOLATION;
    this.#socket.resume();
    this.#socket.close(code, reason);
    this.#options.clock.after(this.#options.timing.closeMs, () => this.#socket.terminate());
  }

  #end(closure: Closure): void {
    if (this.#state === 'Closed') return;
    this.#state = 'Closed';
    this.#cancelDeadline();
    this.#ended.abort();
    this.#heartbeat.stop();
    this.#waiting.length = 0;
    this.#options.events.onClosed(closure);
  }
}

const PROTOCOL_ERRORS: Record<ProtocolError, CloseReason> = {
  TooLarge: 'Excessive',
  Incompatible: 'Incompatible',
};

type Decoded = { ok: true; value: unknown } | { ok: false; problem: string };

function decode(text: string): Decoded {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, problem: 'a message must be JSON' };
  }
}

/** The version in a hello, if it differs from that of this build. The rest of such a hello may have any form. */
function otherVersion(message: unknown): number | undefined {
  if (typeof message !== 'object' || message === null) return undefined;
  const { type, contract } = message as { type?: unknown; contract?: unknown };
  if (type !== 'Hello' || !Number.isInteger(contract)) return undefined;
  return contract === CONTRACT_VERSION ? undefined : (contract as number);
}
