import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Time after which a client is cut that reads nothing of the bytes that wait for it, in milliseconds. */
export const STALLED_MS = 60_000;

/**
 * Cuts clients that do not read: each holds a place and memory, and a hundred of them would shut all others out. Node
 * calls a connection timed out when no byte has come or gone for `ms`. `answerOf` is the last answer on a connection.
 */
export function cutStalledClients(
  server: Server,
  ms: number,
  answerOf: (socket: Socket) => ServerResponse | undefined,
): void {
  server.setTimeout(ms, (socket: Socket) => {
    const answer = answerOf(socket);
    const isOpen = answer !== undefined && !answer.writableFinished;
    const waits = socket.writableLength > 0 || (answer?.writableLength ?? 0) > 0;
    // A client may wait long for its answer. One that has it kept its connection for long enough.
    if (!isOpen || waits) socket.destroy();
  });
}
