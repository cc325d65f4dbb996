import type { IncomingMessage } from 'node:http';
import type { Problem } from '../errors/failure.ts';
import { CollectedBytes } from '../model/transport/collectedBytes.ts';

/** Largest body of a request to the local API, in bytes. */
export const MAX_LOCAL_BODY = 256 * 1024;

const TOO_LARGE: Problem = {
  reason: 'TooLarge',
  message: `The body is larger than ${MAX_LOCAL_BODY} bytes.`,
};

/** Reads the body of a request. */
export function readBody(request: IncomingMessage): Promise<Buffer | Problem> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_LOCAL_BODY) {
    request.resume();
    return Promise.resolve(TOO_LARGE);
  }
  return new Promise((resolve) => {
    const collected = new CollectedBytes();
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_LOCAL_BODY) {
        collected.clear();
        resolve(TOO_LARGE);
      } else collected.add(chunk);
    });
    request.on('end', () => resolve(collected.take()));
    request.on('close', () => resolve('Gone'));
    request.on('error', () => undefined);
  });
}
