import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Content } from '../../contract/generated/types.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import type { Clock } from '../guard/clock.ts';
import { CollectedBytes } from './collectedBytes.ts';

type Bounds = Content['intake'];

export interface BodiesDeps {
  clock: Clock;
  /** Undefined as long as there is no configuration. */
  content: () => Pick<Content, 'intake'> | undefined;
}

/** Between two looks at the bodies that are on their way, in milliseconds. */
const LOOK_MS = 1000;
const MIB = 1024 * 1024;
/** While there is no configuration no request is served, so no body is read either. */
const NONE: Bounds = {
  maxBodyBytes: 0,
  maxBodyBytesInFlight: 0,
  bodyIdleTimeoutMs: LOOK_MS,
  minBodyBytesPerSecond: 0,
  maxConnections: 0,
  maxConnectionsPerAddress: 0,
};

const FULL: Failure = {
  reason: 'BodiesFull',
  message: 'The agent holds as many bytes of requests as its memory bears.',
  retryAfterMs: 1000,
};
const SLOW: Failure = { reason: 'RequestTimeout', message: 'The request took too long to arrive.' };

/** The body of a request. */
export type ReadBody = { body: Buffer } | { problem: Problem };

/** One that is on its way. */
interface Arriving {
  /** When its last bytes came, and when it was judged last. */
  lastAt: number;
  judgedAt: number;
  bytes: number;
  /** Bytes when it was judged last. */
  judgedBytes: number;
  cut(problem: Problem): void;
}

/**
 * Reads the bodies of requests: each up to a size and at least at a rate, and all of them, as long as their requests
 * are served, within one budget of bytes.
 */
export class Bodies {
  readonly #deps: BodiesDeps;
  readonly #arriving = new Set<Arriving>();
  #bytes = 0;
  #looking = false;

  constructor(deps: BodiesDeps) {
    this.#deps = deps;
  }

  /** Bytes of all requests that are being served or are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads a body. Its bytes count until the response is over. */
  read(request: IncomingMessage, response: ServerResponse): Promise<ReadBody> {
    const { maxBodyBytes } = this.#bounds();
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) {
      discard(request, maxBodyBytes);
      return Promise.resolve({ problem: tooLarge(maxBodyBytes) });
    }
    // Nothing would tell that the response is over.
    if (response.destroyed) return Promise.resolve({ problem: 'Gone' });
    return new Promise((resolve) => {
      this.#read(request, response, resolve);
    });
  }

  #read(
    request: IncomingMessage,
    response: ServerResponse,
    resolve: (read: ReadBody) => void,
  ): void {
    const { maxBodyBytes } = this.#bounds();
    const collected = new CollectedBytes();
    const now = this.#deps.clock.now();
    let over = false;
    const done = (read: ReadBody): void => {
      over = true;
      this.#arriving.delete(arriving);
      resolve(read);
    };
    const arriving: Arriving = {
      lastAt: now,
      judgedAt: now,
      bytes: 0,
      judgedBytes: 0,
      cut: (problem) => {
        collected.clear();
        // The rest would take as long as it likes.
        if (problem === SLOW) response.shouldKeepAlive = false;
        else discard(request, maxBodyBytes);
        done({ problem });
      },
    };
    this.#arriving.add(arriving);
    this.#look();
    // Listeners stay where they are: to take them off costs more than to have them called once more.
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => {
      if (over) return;
      arriving.bytes += chunk.length;
      arriving.lastAt = this.#deps.clock.now();
      if (arriving.bytes > maxBodyBytes) arriving.cut(tooLarge(maxBodyBytes));
      else if (!this.#take(chunk.length)) {
        arriving.bytes -= chunk.length;
        arriving.cut(FULL);
      } else collected.add(chunk);
    });
    request.on('end', () => {
      if (!over) done({ body: collected.take() });
    });
    request.on('close', () => {
      if (!over) done({ problem: 'Gone' });
    });
    const leave = (): void => {
      this.#bytes -= Math.min(arriving.bytes, this.#bytes);
    };
    response.once('close', leave);
    if (request.destroyed && !request.complete) done({ problem: 'Gone' });
  }

  #take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bounds().maxBodyBytesInFlight) return false;
    this.#bytes += bytes;
    return true;
  }

  /** One timer for all bodies, and none while there is none. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#deps.clock.setTimer(LOOK_MS, () => {
      this.#looking = false;
      for (const each of this.#arriving) this.#judge(each);
      if (this.#arriving.size > 0) this.#look();
    });
  }

  /** A body must come at its rate in every period of the idle time. */
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
    return this.#deps.content()?.intake ?? NONE;
  }
}

function tooLarge(limit: number): Failure {
  const size = limit % MIB === 0 ? `${limit / MIB} MiB` : `${limit} bytes`;
  return { reason: 'TooLarge', message: `The body is larger than ${size}.` };
}

/** Bytes of a refused body that are read at least. */
const DISCARDED_BYTES = MIB;

/** Throws the rest away, up to a limit, so that the client gets to read the answer instead of a reset. */
function discard(request: IncomingMessage, limit: number): void {
  let left = Math.max(limit, DISCARDED_BYTES);
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}
