import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Current } from '../snapshot/snapshot.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import type { Clock } from '../guard/clock.ts';
import { CollectedBytes } from '../model/transport/collectedBytes.ts';
import { ByteAccount } from '../resilience/byteBudget.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';

type Bounds = Content['requestLimits'];

export interface BodiesDeps {
  clock: Clock;
  current: Pick<Current, 'content'>;
  budget: ByteBudget;
}

/** Interval between two checks of arriving bodies, in milliseconds. */
const LOOK_MS = 1000;
const MIB = 1024 * 1024;
/** Without a configuration the agent serves no request and reads no body. */
const NONE: Bounds = {
  maxBodyBytes: 0,
  maxBodyBytesInFlight: 0,
  bodyIdleTimeoutMs: LOOK_MS,
  minBodyBytesPerSecond: 0,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
};

export const BODIES_FULL: Failure = {
  reason: 'BodiesFull',
  message: 'The agent holds as many bytes of requests and answers as its memory bears.',
  retryAfterMs: 1000,
};
const SLOW: Failure = { reason: 'RequestTimeout', message: 'The request took too long to arrive.' };

export type ReadBody = { body: Buffer } | { problem: Problem };

/** A body that is arriving. */
interface Arriving {
  /** Times of its last bytes and of the last check. */
  lastAt: number;
  judgedAt: number;
  bytes: number;
  /** Bytes at the last check. */
  judgedBytes: number;
  cut(problem: Problem): void;
}

/**
 * Reads bodies. Each has a largest size and a least rate. The bytes of all bodies whose requests are being served count
 * in the budget.
 */
export class Bodies {
  readonly #deps: BodiesDeps;
  readonly #arriving = new Set<Arriving>();
  readonly #accounts = new WeakMap<ServerResponse, ByteAccount>();
  #looking = false;

  constructor(deps: BodiesDeps) {
    this.#deps = deps;
  }

  /** Reads a body. Its bytes count until `done`, at the latest until the response closes. */
  read(request: IncomingMessage, response: ServerResponse): Promise<ReadBody> {
    const { maxBodyBytes } = this.#bounds();
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
      discard(request, maxBodyBytes);
      return Promise.resolve({ problem: tooLarge(maxBodyBytes) });
    }
    // A destroyed response emits no further close.
    if (response.destroyed) return Promise.resolve({ problem: 'Gone' });
    return new Promise((resolve) => {
      this.#read(request, response, resolve);
    });
  }

  /** Gives the bytes of a body back to the budget, once its last holder is done with it. */
  done(response: ServerResponse): void {
    this.#accounts.get(response)?.close();
  }

  /** Takes bytes for what is made of a body, or is sent, until the response closes. Whether there was room. */
  reserve(bytes: number, response: ServerResponse): boolean {
    const { budget } = this.#deps;
    // A destroyed response emits no further close; its request is about to end.
    if (response.destroyed) return true;
    if (!budget.take(bytes)) return false;
    response.once('close', () => budget.give(bytes));
    return true;
  }

  /** An account for what is kept of an answer, until the response closes at the latest. */
  account(response: ServerResponse): Pick<ByteAccount, 'take' | 'give'> {
    const account = new ByteAccount(this.#deps.budget);
    if (response.destroyed) return { take: () => true, give: () => undefined };
    response.once('close', () => account.close());
    return account;
  }

  #read(
    request: IncomingMessage,
    response: ServerResponse,
    resolve: (read: ReadBody) => void,
  ): void {
    const { maxBodyBytes } = this.#bounds();
    const collected = new CollectedBytes();
    const account = new ByteAccount(this.#deps.budget);
    const now = this.#deps.clock.now();
    let over = false;
    // The listeners outlive the body, which a resolved promise would hold.
    let settle: typeof resolve | undefined = resolve;
    const done = (read: ReadBody): void => {
      over = true;
      this.#arriving.delete(arriving);
      settle?.(read);
      settle = undefined;
    };
    const arriving: Arriving = {
      lastAt: now,
      judgedAt: now,
      bytes: 0,
      judgedBytes: 0,
      cut: (problem) => {
        collected.clear();
        // A slow client could keep the connection with the rest of its body.
        if (problem === SLOW) response.shouldKeepAlive = false;
        else discard(request, maxBodyBytes);
        done({ problem });
      },
    };
    this.#arriving.add(arriving);
    this.#look();
    // Removing the listeners costs more than one needless call of each.
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => {
      if (over) return;
      arriving.bytes += chunk.length;
      arriving.lastAt = this.#deps.clock.now();
      if (arriving.bytes > maxBodyBytes) arriving.cut(tooLarge(maxBodyBytes));
      else if (!account.take(chunk.length)) arriving.cut(BODIES_FULL);
      else collected.add(chunk);
    });
    request.on('end', () => {
      if (!over) done({ body: collected.take() });
    });
    request.on('close', () => {
      if (!over) done({ problem: 'Gone' });
    });
    this.#accounts.set(response, account);
    response.once('close', () => account.close());
    if (request.destroyed && !request.complete) done({ problem: 'Gone' });
  }

  /** One timer serves all bodies. It stops when none is arriving. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#deps.clock.setTimer(LOOK_MS, () => {
      this.#looking = false;
      for (const each of this.#arriving) this.#judge(each);
      if (this.#arriving.size > 0) this.#look();
    });
  }

  /** Cuts a body that was slower than the least rate in one period of the idle time. */
  #judge(body: Arriving): void {
    const { bodyIdleTimeoutMs, minBodyBytesPerSecond } = this.#bounds();
    const now = this.#deps.clock.now();
    if (now - body.lastAt >= bodyIdleTimeoutMs) {
      body.cut(SLOW);
      return;
    }
    const elapsed = now - body.judgedAt;
    if (elapsed < bodyIdleTimeoutMs) return;
    if ((body.bytes - body.judgedBytes) * 1000 < minBodyBytesPerSecond * elapsed) {
      body.cut(SLOW);
      return;
    }
    body.judgedAt = now;
    body.judgedBytes = body.bytes;
  }

  #bounds(): Bounds {
    return this.#deps.current.content?.requestLimits ?? NONE;
  }
}

function tooLarge(limit: number): Failure {
  const size = limit % MIB === 0 ? `${limit / MIB} MiB` : `${limit} bytes`;
  return { reason: 'TooLarge', message: `The body is larger than ${size}.` };
}

/** Smallest number of bytes to read of a refused body. */
const DISCARDED_BYTES = MIB;

/** Reads and drops the rest up to a limit, so that the client reads the answer instead of a reset. */
function discard(request: IncomingMessage, limit: number): void {
  let left = Math.max(limit, DISCARDED_BYTES);
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}
