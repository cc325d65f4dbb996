import { setImmediate as turn } from 'node:timers/promises';
import type { Shape } from './proxy.ts';

const NEWLINE = 10;

/** Index after line number `n`; undefined if there are fewer lines. */
function endOfLine(bytes: Uint8Array, n: number): number | undefined {
  let end = 0;
  for (let line = 0; line < n; line++) {
    end = bytes.indexOf(NEWLINE, end) + 1;
    if (end === 0) return undefined;
  }
  return end;
}

/** Passes `count` lines and a part of the next one, then ends regularly or by a reset. */
export const truncated = (count: number, end: 'end' | 'reset'): Shape =>
  async function* (bytes) {
    let held = Buffer.alloc(0);
    for await (const chunk of bytes) {
      held = Buffer.concat([held, chunk]);
      const whole = endOfLine(held, count);
      if (whole === undefined || held.length < whole + 20) continue;
      yield held.subarray(0, whole + 20);
      if (end === 'reset') throw new Error('cut');
      return;
    }
  };

/** Passes `count` lines, then sends this event and ends. */
export const interrupted = (count: number, event: object): Shape =>
  async function* (bytes) {
    let held = Buffer.alloc(0);
    const last = Buffer.from(`${JSON.stringify(event)}\n`);
    if (count === 0) {
      yield last;
      return;
    }
    for await (const chunk of bytes) {
      held = Buffer.concat([held, chunk]);
      const whole = endOfLine(held, count);
      if (whole === undefined) continue;
      yield Buffer.concat([held.subarray(0, whole), last]);
      return;
    }
  };

/** Forwards the bytes in small pieces. */
export const slow = (size: number): Shape =>
  async function* (bytes) {
    for await (const chunk of bytes) {
      for (let from = 0; from < chunk.length; from += size) {
        yield chunk.subarray(from, from + size);
        await turn();
      }
    }
  };
