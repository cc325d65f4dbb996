import type { IncomingMessage } from 'node:http';

/** Largest request body taken, in bytes: the limit of the Messages API. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** A request body, or why there is none: it is too large, or the client went away. */
export type BodyResult = { ok: true; body: Buffer } | { ok: false; why: 'TooLarge' | 'Gone' };

/**
 * Reads a request body of at most `limit` bytes. Of a larger one the rest is read and thrown
 * away, up to `limit` bytes more, so that the client gets to read the answer instead of a reset.
 */
export async function readBody(
  request: IncomingMessage,
  limit = MAX_BODY_BYTES,
): Promise<BodyResult> {
  if (Number(request.headers['content-length'] ?? 0) > limit) {
    discard(request, limit);
    return { ok: false, why: 'TooLarge' };
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let over = false;
    // Listeners stay where they are: to take them off costs more than to have them called once more.
    const done = (result: BodyResult): void => {
      over = true;
      resolve(result);
    };
    const onData = (chunk: Buffer): void => {
      if (over) return;
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
        return;
      }
      done({ ok: false, why: 'TooLarge' });
      discard(request, limit);
    };
    const onEnd = (): void => {
      if (over) return;
      done({ ok: true, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) });
    };
    const onGone = (): void => {
      if (!over) done({ ok: false, why: 'Gone' });
    };
    // A request that breaks off emits error and close; the latter is enough.
    request.on('error', () => undefined);
    request.on('data', onData).on('end', onEnd).on('close', onGone);
    if (request.destroyed && !request.complete) onGone();
  });
}

function discard(request: IncomingMessage, limit: number): void {
  let left = limit;
  request.on('error', () => undefined);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
}
