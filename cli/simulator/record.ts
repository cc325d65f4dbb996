import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Requests to the simulated model since its start or its last reset. */
export interface RequestRecord {
  total: number;
  inFlight: number;
  /** Answers by HTTP status, such as {"200": 12, "529": 3}. */
  byStatus: Record<string, number>;
  /** Requests whose client left before the answer was complete. */
  aborted: number;
  /** Requests by credentialFingerprint. */
  byCredential: Record<string, number>;
}

/** Names a credential without showing it: the first 12 hexadecimal digits of its SHA-256. */
export function credentialFingerprint(credential: string): string {
  return createHash('sha256').update(credential).digest('hex').slice(0, 12);
}

/** Fingerprint of a request's credential, or none. */
export function credentialOf(req: IncomingMessage): string {
  const key = req.headers['x-api-key'] ?? req.headers.authorization;
  return typeof key === 'string' ? credentialFingerprint(key) : 'none';
}

function increment(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** Counts requests to the model. */
export class Recorder {
  #record = Recorder.#empty();

  static #empty(): RequestRecord {
    return { total: 0, inFlight: 0, byStatus: {}, aborted: 0, byCredential: {} };
  }

  /** Counts a request now, and its answer at its end. */
  watch(req: IncomingMessage, res: ServerResponse): void {
    const record = this.#record;
    record.total += 1;
    record.inFlight += 1;
    increment(record.byCredential, credentialOf(req));
    res.once('close', () => {
      record.inFlight -= 1;
      if (res.headersSent) increment(record.byStatus, String(res.statusCode));
      if (!res.writableFinished) record.aborted += 1;
    });
  }

  /** Resets all counts. Requests in flight do not count. */
  reset(): void {
    this.#record = Recorder.#empty();
  }

  snapshot(): RequestRecord {
    return structuredClone(this.#record);
  }
}
