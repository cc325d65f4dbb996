/**
 * Loaded into a process before its program: how long its event loop was held, and its heap, by HTTP on the socket that the
 * query of its URL names. What counts is the time of the processor that the thread took between two turns of a timer: a
 * machine that runs something else meanwhile holds no loop of ours.
 */
import { createServer } from 'node:http';

const EVERY_MS = 5;

const threadMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

let before = threadMs();
let longestHoldMs = 0;
setInterval(() => {
  const now = threadMs();
  longestHoldMs = Math.max(longestHoldMs, now - before);
  before = now;
}, EVERY_MS).unref();

/** `/collect` collects garbage first, and forgets what was held until then. */
const server = createServer(({ url }, response) => {
  if (url === '/collect') {
    (globalThis as { gc?: () => void }).gc?.();
    before = threadMs();
  }
  const heapBytes = process.memoryUsage().heapUsed;
  response.end(JSON.stringify({ longestHoldMs, heapBytes }));
  if (url === '/collect') longestHoldMs = 0;
});
server.listen(new URL(import.meta.url).searchParams.get('socket')!).unref();
